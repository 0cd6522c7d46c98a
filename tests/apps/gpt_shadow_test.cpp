// Training a GPT with bfloat16 shadow weights has the bits of casting the float32 weights in every forward pass: those
// that AdamW writes in its pass and those of Muon's matrices, which are rounded once per step.
#include <gtest/gtest.h>

#include "apps/gpt_optimizer.h"
#include "engine/optim/muon_adamw.h"
#include "engine/optim/optimizer.h"
#include "models/gpt/loss.h"
#include "tests/models/gpt/small_gpt.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

gpt::GptConfig bfloat16_config() {
  gpt::GptConfig config = full_config();
  config.forward_dtype = "bfloat16";
  return config;
}

GptGroups without_shadows(GptGroups groups) {
  for (AdamWGroup& group : groups.adamw) group.shadows.clear();
  return groups;
}

struct Training {
  bool casts;
  gpt::Gpt model = small_gpt(bfloat16_config());
  GptGroups groups = gpt_groups(model, {}, {});
  MuonAdamW optimizer;

  explicit Training(bool always_casts)
      : casts(always_casts), optimizer(always_casts ? without_shadows(groups).adamw : groups.adamw, groups.muon) {}

  void age() const {
    if (!casts) return;
    for (const auto& [name, tensor] : model.parameters()) kernels::mark_changed(tensor);
  }

  double step(uint64_t seed) {
    double loss = 0;
    for (uint64_t micro_batch = 0; micro_batch < 2; ++micro_batch) {
      age();
      const at::Tensor tokens = random_tokens(model.config(), 3, 9, 10 * seed + micro_batch);
      const auto result = gpt::token_loss(model, model.hidden(tokens.narrow(1, 0, 8)), tokens.narrow(1, 1, 8), 0.5);
      result.mean.backward();
      loss += result.mean.item<double>();
    }
    optimizer.step({});
    optimizer.zero_grad();
    return loss;
  }

  [[nodiscard]] at::Tensor evaluate() const {
    age();
    gpt::KvCache cache = model.make_cache(1, 8);
    return model.logits(model.hidden(random_tokens(model.config(), 1, 5, 99), cache));
  }
};

void expect_same_weights(const Training& actual, const Training& expected) {
  const auto &ours = actual.model.parameters(), &theirs = expected.model.parameters();
  for (size_t i = 0; i < ours.size(); ++i) {
    EXPECT_TRUE(same(ours[i].second.detach(), theirs[i].second.detach())) << ours[i].first;
  }
}

TEST(GptShadows, TrainWithTheBitsOfCasts) {
  Training shadows(false), casts(true);
  for (uint64_t step = 0; step < 4; ++step) {
    EXPECT_EQ(shadows.step(step), casts.step(step)) << step;
    EXPECT_TRUE(same(shadows.evaluate(), casts.evaluate())) << step;
  }
  expect_same_weights(shadows, casts);
}

TEST(GptShadows, ResumeWithTheBitsOfCasts) {
  Training shadows(false), casts(true), other(false);
  static_cast<void>(shadows.step(0));
  static_cast<void>(casts.step(0));
  static_cast<void>(other.step(5));
  copy_by_name(shadows.model.parameters(), other.model.parameters(), "test");
  other.optimizer.restore(shadows.optimizer.state(), shadows.optimizer.steps());
  for (uint64_t step = 1; step < 3; ++step) EXPECT_EQ(other.step(step), casts.step(step)) << step;
  expect_same_weights(other, casts);
}

// A wrong shadow of a parameter of AdamW is read as it is; one of Muon is made anew after the step.
TEST(GptShadows, AreReadAsAdamWWroteThem) {
  Training shadows(false), casts(true);
  static_cast<void>(shadows.step(0));
  static_cast<void>(casts.step(0));
  for (const std::string name : {"lm_head.weight", "smear_gate.weight"}) {
    const auto shadow = shadows.model.shadow(name);
    ASSERT_NE(shadow, nullptr) << name;
    const at::Tensor before = shadow->value().clone();
    at::Tensor value = shadow->value();
    value.fill_(0.25);
    EXPECT_FALSE(same(shadows.evaluate(), casts.evaluate())) << name;
    value.copy_(before);
    EXPECT_TRUE(same(shadows.evaluate(), casts.evaluate())) << name;
  }
  EXPECT_EQ(shadows.model.shadow("transformer.wte.weight"), nullptr) << "its rows are picked first, then cast";
  const auto matrix = shadows.model.shadow("transformer.h.0.mlp.c_fc.weight");
  static_cast<void>(shadows.step(1));
  static_cast<void>(casts.step(1));
  matrix->value().detach().fill_(0.25);
  EXPECT_TRUE(same(shadows.evaluate(), casts.evaluate()));
}

// Several ranks: another rank sends what this one doesn't update, behind ATen's back; and a shadow needs all rows.
TEST(GptShadows, AreMadeAnewWhereRanksShareTheUpdate) {
  const gpt::Gpt model = small_gpt(bfloat16_config());
  const GptGroups groups = gpt_groups(model, {}, {});
  MuonAdamW optimizer(groups.adamw, groups.muon, {.rank = 1, .world_size = 2});
  static_cast<void>(gpt::token_loss(model, model.hidden(random_tokens(model.config(), 1, 8, 1)),
                                    random_tokens(model.config(), 1, 8, 2)));
  optimizer.step({});
  for (const auto& [name, tensor] : model.parameters()) {
    at::Tensor weight = tensor.detach();
    weight.mutable_data_ptr<float>()[0] = 3;  // as an exchange does
  }
  static_cast<void>(gpt::token_loss(model, model.hidden(random_tokens(model.config(), 1, 8, 1)),
                                    random_tokens(model.config(), 1, 8, 2)));
  for (const auto& [name, tensor] : model.parameters()) {
    const auto shadow = model.shadow(name);
    if (!shadow) continue;
    EXPECT_TRUE(same(shadow->value(), tensor.detach().to(at::kBFloat16))) << name;
  }
}

}  // namespace
}  // namespace tern::test
