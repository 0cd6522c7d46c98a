#include "engine/optim/muon_adamw.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "base/error.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

// Two AdamW groups, one of them with a parameter that is sharded, and matrices of two shapes.
struct Model {
  TensorList embeddings, scalars, matrices;

  Model() {
    embeddings = {{"big", leaf({40, 64}, 1)}, {"small", leaf({6, 8}, 2)}};
    scalars = {{"lambda", leaf({1}, 3)}};
    matrices = {{"a", leaf({8, 8}, 4)}, {"wide", leaf({8, 24}, 5)}, {"b", leaf({8, 8}, 6)}, {"c", leaf({8, 8}, 7)}};
  }

  static at::Tensor leaf(at::IntArrayRef sizes, uint64_t seed) {
    return randn(sizes, seed, at::kFloat).set_requires_grad(true);
  }

  [[nodiscard]] MuonAdamW optimizer(Shard shard = {}, const muon::Recipe& recipe = {}) const {
    return MuonAdamW({{.parameters = embeddings, .lr = 0.1, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.01},
                      {.parameters = scalars, .lr = 0.5}},
                     {.parameters = matrices, .lr = 0.02, .beta2 = 0.9, .recipe = recipe}, shard);
  }

  [[nodiscard]] TensorList all() const {
    TensorList list = embeddings;
    list.insert(list.end(), scalars.begin(), scalars.end());
    list.insert(list.end(), matrices.begin(), matrices.end());
    return list;
  }

  void set_gradients(uint64_t seed) const {
    for (const auto& [name, tensor] : all()) tensor.mutable_grad() = randn(tensor.sizes(), ++seed * 100, at::kFloat);
  }
};

constexpr MuonAdamWStep kStep{.lr_multiplier = 0.5, .muon_momentum = 0.9, .muon_weight_decay = 0.1};

void expect_same(const TensorList& actual, const TensorList& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].first, expected[i].first);
    EXPECT_TRUE(same(actual[i].second.detach(), expected[i].second.detach())) << actual[i].first;
  }
}

// Every sub-step written out for one matrix, by the functions that muon_test checks one by one.
TEST(MuonAdamW, AppliesTheStepsOfMuonInOrder) {
  const Model model;
  MuonAdamW optimizer = model.optimizer();
  at::Tensor expected = model.matrices[1].second.detach().clone().unsqueeze(0);
  at::Tensor buffer = at::zeros_like(expected), second_moment = at::zeros({1, 1, 24}, at::kFloat);
  for (uint64_t step = 1; step <= 3; ++step) {
    model.set_gradients(step);
    at::Tensor update = muon::momentum(model.matrices[1].second.grad().unsqueeze(0), buffer, 0.9);
    update = muon::polar_express(muon::equilibrate(update), 5);
    update = muon::reduce_variance(muon::renormalize(update), second_moment, 0.9);
    muon::apply(expected, update, 0.02 * 0.5, 0.1);
    optimizer.step(kStep);
  }
  EXPECT_TRUE(close(model.matrices[1].second.detach(), expected[0], 1e-6, 1e-7));
  EXPECT_EQ(optimizer.steps(), 3);
}

TEST(MuonAdamW, FirstStepOfAdamWIsTheSignOfTheGradient) {
  const Model model;
  const at::Tensor before = model.embeddings[1].second.detach().clone();
  MuonAdamW optimizer = model.optimizer();
  model.set_gradients(1);
  optimizer.step(kStep);
  const at::Tensor expected = before * (1 - 0.05 * 0.01) - 0.05 * model.embeddings[1].second.grad().sign();
  EXPECT_TRUE(close(model.embeddings[1].second.detach(), expected, 1e-5, 1e-6));
}

TEST(MuonAdamW, StacksMatricesByShape) {
  const Model model;
  const auto stacks = model.optimizer().stacks();
  ASSERT_EQ(stacks.size(), 2U);
  EXPECT_EQ(stacks[0].name, "8x8");
  EXPECT_EQ(stacks[0].members, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(stacks[1].name, "8x24");
  EXPECT_EQ(stacks[1].members, (std::vector<std::string>{"wide"}));
}

TEST(MuonAdamW, TheFirstReleaseIsPlainMuon) {
  const Model model;
  MuonAdamW optimizer = model.optimizer({}, {.orthogonalization = muon::Orthogonalization::newton_schulz,
                                             .equilibrate = false,
                                             .renormalize = false,
                                             .reduce_variance = false});
  at::Tensor expected = model.matrices[0].second.detach().clone();
  model.set_gradients(1);
  at::Tensor buffer = at::zeros({1, 8, 8}, at::kFloat);
  const at::Tensor update = muon::momentum(model.matrices[0].second.grad().unsqueeze(0), buffer, 0.9);
  expected -= 0.01 * muon::newton_schulz(update, 5)[0];
  optimizer.step({.lr_multiplier = 0.5, .muon_momentum = 0.9, .muon_weight_decay = 0});
  EXPECT_TRUE(close(model.matrices[0].second.detach(), expected, 1e-5, 1e-6));
  EXPECT_EQ(optimizer.state().size(), 2 * 3 + 2U) << "no second moments of matrices";
}

// bfloat16 rounds to 2^-9: the update differs by about a percent.
TEST(MuonAdamW, IteratesInBfloat16OnRequest) {
  const Model exact, rounded;
  MuonAdamW exact_optimizer = exact.optimizer(), rounded_optimizer = rounded.optimizer({}, {.bfloat16 = true});
  const at::Tensor before = exact.matrices[0].second.detach().clone();
  exact.set_gradients(1);
  rounded.set_gradients(1);
  exact_optimizer.step(kStep);
  rounded_optimizer.step(kStep);
  const at::Tensor moved = exact.matrices[0].second.detach() - before;
  const at::Tensor difference = rounded.matrices[0].second.detach() - exact.matrices[0].second.detach();
  EXPECT_GT(difference.norm().item<double>(), 0);
  EXPECT_LT(difference.norm().item<double>(), 0.05 * moved.norm().item<double>());
}

TEST(MuonAdamW, ResumesBitForBit) {
  const Model undisturbed, stopped;
  MuonAdamW reference = undisturbed.optimizer();
  TensorList saved;
  {
    MuonAdamW first = stopped.optimizer();
    for (uint64_t step = 1; step <= 2; ++step) {
      stopped.set_gradients(step);
      first.step(kStep);
    }
    for (const auto& [name, tensor] : first.state()) saved.emplace_back(name, tensor.clone());
  }
  MuonAdamW resumed = stopped.optimizer();
  resumed.restore(saved, 2);
  for (uint64_t step = 1; step <= 4; ++step) {
    undisturbed.set_gradients(step);
    reference.step(kStep);
    if (step <= 2) continue;
    stopped.set_gradients(step);
    resumed.step(kStep);
  }
  expect_same(stopped.all(), undisturbed.all());
  expect_same(resumed.state(), reference.state());
}

TEST(MuonAdamW, RefusesStateOfAnotherModel) {
  const Model model;
  MuonAdamW optimizer = model.optimizer();
  TensorList state = optimizer.state();
  state.back().first = "momentum_buffer.9x9";
  try {
    optimizer.restore(state, 1);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::checkpoint);
    EXPECT_STREQ(error.what(), "tensor second_momentum_buffer.8x24 is missing, optimizer state");
  }
}

// What rank `source` updated, from its model into another rank's.
void take_over(const std::vector<ShardedUnit>& from, const std::vector<ShardedUnit>& to, Shard source) {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < from.size(); ++i) {
    const auto [first, count] = owned_slice(from[i].items(), source);
    if (from[i].kind == ShardedUnit::Kind::rows) {
      to[i].tensors[0].narrow(0, first, count).copy_(from[i].tensors[0].narrow(0, first, count));
    } else if (from[i].kind == ShardedUnit::Kind::stack) {
      for (auto k = static_cast<size_t>(first); k < static_cast<size_t>(first + count); ++k) {
        to[i].tensors[k].copy_(from[i].tensors[k]);
      }
    }
  }
}

// Three ranks in one process: equal gradients, each updates what it owns and takes over what the others own.
TEST(MuonAdamW, RanksTogetherDoWhatOneRankDoes) {
  constexpr int64_t kRanks = 3;
  const Model alone;
  MuonAdamW reference = alone.optimizer();
  std::vector<Model> models;
  std::vector<MuonAdamW> ranks;
  for (int64_t rank = 0; rank < kRanks; ++rank) {
    models.emplace_back();
    ranks.push_back(models[static_cast<size_t>(rank)].optimizer({rank, kRanks}));
  }
  for (uint64_t step = 1; step <= 3; ++step) {
    alone.set_gradients(step);
    reference.step(kStep);
    for (size_t rank = 0; rank < kRanks; ++rank) {
      models[rank].set_gradients(step);
      ranks[rank].step(kStep);
    }
    for (int64_t source = 0; source < kRanks; ++source) {
      for (const MuonAdamW& target : ranks) {
        take_over(ranks[static_cast<size_t>(source)].units(), target.units(), {source, kRanks});
      }
    }
  }
  for (const Model& model : models) expect_same(model.all(), alone.all());

  // The ranks' states, one after the other, are the state of one rank.
  for (const auto& [name, whole] : reference.state()) {
    std::vector<at::Tensor> parts;
    for (const MuonAdamW& rank : ranks) {
      for (const auto& [part_name, part] : rank.state()) {
        if (part_name == name) parts.push_back(part);
      }
    }
    const bool replicated = name.ends_with("small") || name.ends_with("lambda");
    EXPECT_TRUE(same(replicated ? parts[2] : at::cat(parts), whole)) << name;
  }
}

// States of jobs of one to five ranks, each shared out over jobs of one to five.
TEST(MuonAdamW, StateIsSharedOutAnew) {
  const Model model;
  MuonAdamW whole = model.optimizer();
  model.set_gradients(1);
  whole.step(kStep);
  const auto shares = [&](int64_t world_size, const std::vector<TensorList>& from) {
    std::vector<TensorList> states;
    for (int64_t rank = 0; rank < world_size; ++rank) {
      const MuonAdamW optimizer = model.optimizer({rank, world_size});
      states.push_back(optimizer.reshard(from));
      const TensorList own = optimizer.state();
      EXPECT_EQ(states.back().size(), own.size());
      for (size_t i = 0; i < own.size(); ++i) EXPECT_EQ(states.back()[i].second.sizes(), own[i].second.sizes());
    }
    return states;
  };
  for (int64_t before = 1; before <= 5; ++before) {
    const std::vector<TensorList> saved = shares(before, {whole.state()});
    for (int64_t after = 1; after <= 5; ++after) {
      expect_same(shares(1, shares(after, saved))[0], whole.state());
    }
  }
  try {
    (void)whole.reshard({shares(3, {whole.state()})[0]});
    ADD_FAILURE() << "a part is no whole";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::checkpoint);
    EXPECT_STREQ(
        error.what(),
        "the ranks' parts of exp_avg.big make up 14 of 40, optimizer state, use a whole checkpoint of the same "
        "configuration");
  }
}

TEST(MuonAdamW, UndefinedGradientsCountAsZeros) {
  const Model without, with_zeros;
  MuonAdamW first = without.optimizer(), second = with_zeros.optimizer();
  for (const auto& [name, tensor] : with_zeros.all()) tensor.mutable_grad() = at::zeros_like(tensor.detach());
  first.step(kStep);
  second.step(kStep);
  expect_same(without.all(), with_zeros.all());
}

TEST(MuonAdamW, GradNormIsOverAllGradientsAndZeroGradDropsThem) {
  const Model model;
  MuonAdamW optimizer = model.optimizer();
  EXPECT_EQ(optimizer.grad_norm(), 0);
  model.embeddings[1].second.mutable_grad() = at::full({6, 8}, 0.5, at::kFloat);  // norm sqrt(12)
  model.scalars[0].second.mutable_grad() = at::full({1}, -2.0, at::kFloat);
  EXPECT_NEAR(optimizer.grad_norm(), 4, 1e-6);
  optimizer.zero_grad();
  EXPECT_FALSE(model.scalars[0].second.grad().defined());
}

TEST(MuonAdamW, MuonTakesMatricesOnly) {
  try {
    const MuonAdamW optimizer({}, {.parameters = {{"bias", at::zeros({3})}}, .recipe = {}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "Muon updates matrices, but bias has 1 dimensions, put it into an AdamW group");
  }
}

TEST(OwnedSlice, CoversEverythingOnceInOrder) {
  for (const int64_t items : {0, 1, 5, 8, 13}) {
    for (const int64_t ranks : {1, 2, 3, 8}) {
      int64_t next = 0;
      for (int64_t rank = 0; rank < ranks; ++rank) {
        const Slice slice = owned_slice(items, {rank, ranks});
        EXPECT_EQ(slice.first, next);
        EXPECT_LE(slice.count, (items + ranks - 1) / ranks);
        next += slice.count;
      }
      EXPECT_EQ(next, items);
    }
  }
}

}  // namespace
}  // namespace tern::test
