// nanochat's checkpoints: taken up where Python left off, and written so that they can be read again. The folders are
// made by tests/reference/gpt/record.py; check_export.py there loads an export with nanochat's own loader.
#include "apps/nanochat_checkpoint.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>

#include "apps/gpt_optimizer.h"
#include "apps/gpt_tensors.h"
#include "base/error.h"
#include "base/file.h"
#include "base/npy.h"
#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/torch_file.h"
#include "models/gpt/loss.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

const fs::path kReference = fs::path(TERN_TEST_REFERENCE) / "gpt";

gpt::GptConfig float32_base() {
  gpt::GptConfig config;
  config.forward_dtype = "float32";
  return config;
}

// A model and optimizer as a checkpoint of recorded rates left them.
struct Resumed {
  NanochatCheckpoint checkpoint;
  gpt::Gpt model;
  MuonAdamW optimizer;

  explicit Resumed(const fs::path& folder)
      : checkpoint(read_nanochat(folder, std::nullopt, float32_base())), model(make_model()), optimizer(make()) {
    load_gpt_weights(model, checkpoint.weights, folder.string());
  }

  gpt::Gpt make_model() const {
    at::Generator generator = at::detail::createCPUGenerator(0);
    return {checkpoint.config, generator};
  }

  MuonAdamW make() const {
    const GptGroups groups =
        gpt_groups(model, {.embedding_lr = 0.2, .unembedding_lr = 0.004, .matrix_lr = 0.02, .scalar_lr = 0.5}, {});
    return {groups.adamw, groups.muon};
  }

  // Loss of the recorded batch of a step, counted from 0; then the step itself.
  double train(const fs::path& folder, int64_t step) {
    const NpyArray array = open_npy(folder / "tokens.npy");
    const at::Tensor tokens = at::tensor(array.to_int64(), at::kLong).reshape(array.shape)[step];
    const int64_t length = tokens.size(1) - 1;
    const gpt::Loss loss =
        gpt::token_loss(model, model.hidden(tokens.narrow(1, 0, length)), tokens.narrow(1, 1, length));
    loss.mean.backward();
    optimizer.step({.lr_multiplier = 1, .muon_momentum = 0.95, .muon_weight_decay = 0.1});
    optimizer.zero_grad();
    return loss.mean.item<double>();
  }
};

class NanochatCheckpoints : public testing::TestWithParam<const char*> {};

// Steps 3 and 4 follow the recorded run only if weights, moments, momentum and the step count are all there.
TEST_P(NanochatCheckpoints, ContinueAsPythonDid) {
  const fs::path folder = kReference / GetParam();
  Resumed run(folder);
  EXPECT_EQ(run.checkpoint.step, 2);
  EXPECT_EQ(run.checkpoint.config.n_kv_head, 1);
  EXPECT_EQ(run.checkpoint.config.window_pattern, "SSSL");
  EXPECT_EQ(run.checkpoint.meta.at("val_bpb"), 1.5);
  read_nanochat_optimizer(folder, 2, run.optimizer);
  EXPECT_EQ(run.optimizer.steps(), 2);
  const auto trace = ordered_json::parse(read_file(folder / "trace.json"));
  for (int64_t step = 2; step < 4; ++step) {
    const auto recorded = trace.at("trace").at(static_cast<size_t>(step)).at("loss").get<double>();
    EXPECT_NEAR(run.train(folder, step) / recorded, 1, 1e-5) << "step " << step + 1;
  }
  const std::map<std::string, at::Tensor> weights(run.model.parameters().begin(), run.model.parameters().end());
  for (const auto& [name, norm] : trace.at("final_norm").items()) {
    EXPECT_NEAR(weights.at(name).detach().norm().item<double>() / norm.get<double>(), 1, 1e-4) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, NanochatCheckpoints, testing::Values("checkpoint", "checkpoint_two_ranks"));

TEST(NanochatCheckpoint, ComesBackAsItWasWritten) {
  const TempFolder folder;
  Resumed run(kReference / "checkpoint");
  read_nanochat_optimizer(kReference / "checkpoint", 2, run.optimizer);
  write_nanochat(folder.path(), 123, run.model, {{"val_bpb", 0.75}});
  write_nanochat_optimizer(folder.path(), 123, run.optimizer);
  EXPECT_TRUE(fs::exists(folder / "model_000123.pt"));
  EXPECT_TRUE(fs::exists(folder / "meta_000123.json"));
  EXPECT_TRUE(fs::exists(folder / "optim_000123_rank0.pt"));

  Resumed again(folder.path());
  EXPECT_EQ(again.checkpoint.step, 123);
  EXPECT_EQ(again.checkpoint.meta.at("step"), 123);
  EXPECT_EQ(again.checkpoint.meta.at("val_bpb"), 0.75);
  read_nanochat_optimizer(folder.path(), 123, again.optimizer);
  for (size_t i = 0; i < run.model.parameters().size(); ++i) {
    EXPECT_TRUE(same(again.model.parameters()[i].second.detach(), run.model.parameters()[i].second.detach()));
  }
  const TensorList state = run.optimizer.state(), state_again = again.optimizer.state();
  for (size_t i = 0; i < state.size(); ++i) EXPECT_TRUE(same(state_again[i].second, state[i].second)) << state[i].first;
  EXPECT_EQ(again.optimizer.steps(), run.optimizer.steps());
}

// The file of one rank as nanochat writes it: rows of large parameters, stacks in equal parts with zeros behind the
// last, small parameters whole.
void write_rank(const fs::path& folder, const MuonAdamW& optimizer, int64_t rank, int64_t ranks, int64_t steps = 7) {
  std::deque<PickleValue> values;
  const auto make = [&](PickleData data) { return &values.emplace_back(PickleValue{std::move(data)}); };
  std::map<std::string, at::Tensor> whole;
  for (const auto& [name, tensor] : optimizer.state()) whole[name] = tensor;
  const auto part = [&](const std::string& name, bool everywhere) {
    const at::Tensor& all = whole.at(name);
    if (everywhere) return all;
    const int64_t size = (all.size(0) + ranks - 1) / ranks;
    at::DimVector padded(all.sizes());
    padded[0] = size * ranks;
    const at::Tensor laid_out = at::zeros(padded, all.options());
    laid_out.narrow(0, 0, all.size(0)).copy_(all);
    return laid_out.narrow(0, rank * size, size);
  };
  PickleDict state;
  int64_t id = 0;
  const auto add = [&](std::vector<std::pair<std::string, PickleData>> entries, int64_t parameters) {
    PickleDict own;
    for (auto& [key, value] : entries) own.items.emplace_back(make(key), make(std::move(value)));
    state.items.emplace_back(make(id), make(std::move(own)));
    id += parameters;
  };
  for (const AdamWGroup& group : optimizer.adamw_groups()) {
    for (const auto& [name, tensor] : group.parameters) {
      const bool small = tensor.numel() < 1024;
      add({{"step", steps},
           {"exp_avg", part("exp_avg." + name, small)},
           {"exp_avg_sq", part("exp_avg_sq." + name, small)}},
          1);
    }
  }
  for (const MuonAdamW::StackNames& stack : optimizer.stacks()) {
    add({{"momentum_buffer", part("momentum_buffer." + stack.name, false)},
         {"second_momentum_buffer", part("second_momentum_buffer." + stack.name, false)}},
        static_cast<int64_t>(stack.members.size()));
  }
  PickleDict root;
  root.items.emplace_back(make("state"), make(std::move(state)));
  write_torch_object(folder / ("optim_000002_rank" + std::to_string(rank) + ".pt"), *make(std::move(root)));
}

TEST(NanochatCheckpoint, TakesTheStateOfAnyNumberOfRanks) {
  Resumed saved(kReference / "checkpoint");
  read_nanochat_optimizer(kReference / "checkpoint", 2, saved.optimizer);
  for (const int64_t ranks : {1, 2, 4, 8}) {
    const TempFolder folder;
    for (int64_t rank = 0; rank < ranks; ++rank) write_rank(folder.path(), saved.optimizer, rank, ranks);
    Resumed run(kReference / "checkpoint");
    read_nanochat_optimizer(folder.path(), 2, run.optimizer);
    EXPECT_EQ(run.optimizer.steps(), 7);
    const TensorList state = run.optimizer.state(), expected = saved.optimizer.state();
    for (size_t i = 0; i < state.size(); ++i) {
      EXPECT_TRUE(same(state[i].second, expected[i].second)) << state[i].first << " from " << ranks << " ranks";
    }
  }
}

TEST(NanochatCheckpoint, FirstReleasesHaveFewerParts) {
  const TempFolder folder;
  fs::copy_file(kReference / "release_2025_10/init.pt", folder / "model_000007.pt");
  write_file_atomically(folder / "meta_000007.json",
                        R"({"model_config": {"sequence_len": 256, "vocab_size": 128, "n_layer": 2, "n_head": 2,
                            "n_kv_head": 2, "n_embd": 32}})");
  const NanochatCheckpoint checkpoint = read_nanochat(folder.path(), 7, float32_base());
  EXPECT_EQ(checkpoint.config.window_pattern, "L");
  EXPECT_FALSE(checkpoint.config.smear || checkpoint.config.backout || checkpoint.config.value_embeds ||
               checkpoint.config.resid_lambdas || checkpoint.config.x0_lambdas);
  at::Generator generator = at::detail::createCPUGenerator(0);
  const gpt::Gpt model(checkpoint.config, generator);
  EXPECT_NO_THROW(load_gpt_weights(model, checkpoint.weights, "here"));
  try {
    write_nanochat(folder.path(), 8, model, {});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
}

void expect_checkpoint_error(const std::function<void()>& call, const std::string& text) {
  try {
    call();
    ADD_FAILURE() << "no error; expected: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::checkpoint);
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

TEST(NanochatCheckpoint, ErrorsNameWhatIsWrong) {
  const TempFolder folder;
  const auto read = [&] { (void)read_nanochat(folder.path(), std::nullopt, float32_base()); };
  expect_checkpoint_error(read, "no model_<step>.pt");
  fs::copy_file(kReference / "checkpoint/model_000002.pt", folder / "model_000002.pt");
  write_file_atomically(folder / "meta_000002.json", "{");
  expect_checkpoint_error(read, "meta_000002.json");
  write_file_atomically(folder / "meta_000002.json", "{}");
  expect_checkpoint_error(read, "unexpected content: ");
  write_file_atomically(folder / "meta_000002.json",
                        R"({"model_config": {"sequence_len": 64, "vocab_size": 90, "n_layer": 3, "n_head": 2,
                            "n_kv_head": 1, "n_embd": 24}})");
  expect_checkpoint_error(read, "transformer.wte.weight has 64 rows for a vocabulary of 90");

  Resumed run(kReference / "checkpoint");
  const auto read_optimizer = [&] { read_nanochat_optimizer(folder.path(), 2, run.optimizer); };
  expect_checkpoint_error(read_optimizer, "no optim_000002_rank0.pt");
  fs::copy_file(kReference / "checkpoint/model_000002.pt", folder / "optim_000002_rank0.pt");
  expect_checkpoint_error(read_optimizer, "no entry 'state'");

  for (int64_t rank = 0; rank < 4; ++rank) write_rank(folder.path(), run.optimizer, rank, 4);
  write_rank(folder.path(), run.optimizer, 3, 4, /*steps=*/8);
  expect_checkpoint_error(read_optimizer, "it is of step 8 and rank 0's of 7");
  fs::remove(folder / "optim_000002_rank3.pt");
  expect_checkpoint_error(read_optimizer, " on 3 ranks don't make up the whole");
  fs::copy_file(folder / "optim_000002_rank2.pt", folder / "optim_000002_rank3.pt");
  fs::copy_file(folder / "optim_000002_rank2.pt", folder / "optim_000002_rank4.pt");
  expect_checkpoint_error(read_optimizer, " on 5 ranks don't make up the whole");
}

}  // namespace
}  // namespace tern::test
