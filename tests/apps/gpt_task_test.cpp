// The GPT as a Task, driven as the training loop drives it: a small text, one token per byte.
#include "apps/gpt_task.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "apps/gpt_optimizer.h"
#include "apps/gpt_tensors.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/optim/muon_adamw.h"
#include "kernels/embedding/row_gradients.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

text::Tokenizer byte_tokenizer() {
  std::vector<std::string> bytes;
  for (int i = 0; i < 256; ++i) bytes.emplace_back(1, static_cast<char>(i));
  return text::Tokenizer(bytes);
}

gpt::GptConfig small_config() {
  gpt::GptConfig config;
  config.sequence_len = 32;
  config.vocab_size = 265;
  config.n_layer = 3;
  config.n_head = 2;
  config.n_kv_head = 2;
  config.n_embd = 32;
  config.forward_dtype = "float32";
  return config;
}

class GptTaskTest : public testing::Test {
 protected:
  GptTaskTest() {
    std::ofstream file(folder_ / "text.jsonl");
    for (int i = 0; i < 60; ++i) file << R"({"text": "the quick brown fox jumps over the lazy dog )" << i << "\"}\n";
    options_.device_batch_size = 2;
    options_.total_batch_size = 128;  // two micro-batches of 2 x 32
    options_.num_iterations = 6;
    options_.eval_every = 4;
    options_.eval_tokens = 128;
    options_.core_metric_every = -1;
    options_.sample_every = -1;
    options_.threads = 1;
  }

  gpt::Gpt model() const {
    at::Generator generator = at::detail::createCPUGenerator(3);
    return {small_config(), generator};
  }

  GptTask task(gpt::Gpt& model, const GptTaskOptions& options) const {
    return {model, byte_tokenizer(),
            [path = folder_ / "text.jsonl"](text::Split split) { return text::open_text_documents(path, split); },
            options, [] { return nullptr; }};
  }

  static MuonAdamW optimizer(const gpt::Gpt& model) {
    const GptGroups groups = gpt_groups(model, {}, {});
    return {groups.adamw, groups.muon};
  }

  // One step as the loop takes it; its loss.
  static double step(GptTask& task, MuonAdamW& optimizer) {
    const double loss = task.forward_backward().loss;
    optimizer.step({.lr_multiplier = 0.1, .muon_momentum = 0.95, .muon_weight_decay = 0.1});
    optimizer.zero_grad();
    task.accept_step();
    return loss;
  }

  void expect_error(ErrorKind kind, const std::function<void()>& call, const std::string& text) const {
    try {
      call();
      ADD_FAILURE() << "no error; expected: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind);
      EXPECT_EQ(std::string(error.what()).substr(0, text.size()), text);
    }
  }

  TempFolder folder_;
  GptTaskOptions options_;
};

TEST_F(GptTaskTest, LearnsAndEvaluatesAtTheCadence) {
  gpt::Gpt gpt = model();
  GptTask gpt_task = task(gpt, options_);
  MuonAdamW muon = optimizer(gpt);
  std::vector<double> losses, bpb;
  std::vector<int64_t> evaluated;
  int64_t steps = 0;
  EXPECT_EQ(gpt_task.total_iterations(), 3);
  while (steps < 6 || evaluated.size() < 3) {
    if (gpt_task.next_batch()) {
      losses.push_back(step(gpt_task, muon));
      ++steps;
      continue;
    }
    const EvalResult result = gpt_task.evaluate(steps, folder_.path());
    ASSERT_EQ(result.metrics.size(), 2U);
    EXPECT_EQ(result.metrics[0].first, "val/bpb");
    bpb.push_back(result.metrics[0].second);
    evaluated.push_back(steps);
  }
  EXPECT_EQ(evaluated, (std::vector<int64_t>{0, 4, 6}));
  EXPECT_LT(losses.back(), losses.front() - 0.5);
  EXPECT_LT(bpb[1], bpb[0]);
  EXPECT_LT(bpb[2], bpb[1]);
  EXPECT_FALSE(gpt_task.next_batch());
}

// The same tokens in one micro-batch or in two: the mean of the losses and of the gradients.
TEST_F(GptTaskTest, AccumulatesToTheSameGradient) {
  gpt::Gpt whole = model(), parts = model();
  options_.eval_every = -1;
  GptTaskOptions at_once = options_;
  at_once.device_batch_size = 4;
  GptTask whole_task = task(whole, at_once), parts_task = task(parts, options_);
  ASSERT_TRUE(whole_task.next_batch());
  ASSERT_TRUE(parts_task.next_batch());
  EXPECT_NEAR(whole_task.forward_backward().loss, parts_task.forward_backward().loss, 1e-6);
  for (size_t i = 0; i < whole.parameters().size(); ++i) {
    const at::Tensor expected = kernels::dense_gradient(whole.parameters()[i].second.grad());
    const at::Tensor actual = kernels::dense_gradient(parts.parameters()[i].second.grad());
    EXPECT_TRUE(close(actual, expected, 1e-4, 1e-6)) << whole.parameters()[i].first;
  }
}

TEST_F(GptTaskTest, ResumesBitForBit) {
  std::vector<double> undisturbed, resumed;
  {
    gpt::Gpt gpt = model();
    GptTask gpt_task = task(gpt, options_);
    MuonAdamW muon = optimizer(gpt);
    while (undisturbed.size() < 6) {
      if (gpt_task.next_batch()) undisturbed.push_back(step(gpt_task, muon));
    }
  }
  gpt::Gpt first = model(), second = model();
  nlohmann::ordered_json counters;
  MuonAdamW after = optimizer(second);
  {
    GptTask gpt_task = task(first, options_);
    MuonAdamW muon = optimizer(first);
    while (resumed.size() < 3) {
      if (gpt_task.next_batch()) resumed.push_back(step(gpt_task, muon));
    }
    counters = gpt_task.counters();
    load_gpt_weights(second, first.parameters(), "here");
    after.restore(muon.state(), muon.steps());
  }
  GptTask gpt_task = task(second, options_);
  gpt_task.restore({}, counters, false);
  while (resumed.size() < 6) {
    if (gpt_task.next_batch()) resumed.push_back(step(gpt_task, after));
  }
  EXPECT_EQ(resumed, undisturbed);
}

TEST_F(GptTaskTest, WritesSamplesOfEveryPrompt) {
  gpt::Gpt gpt = model();
  options_.sample_every = 2;
  options_.eval_every = -1;
  GptTask gpt_task = task(gpt, options_);
  EXPECT_TRUE(gpt_task.evaluate(2, folder_.path()).metrics.empty());
  EXPECT_TRUE(gpt_task.evaluate(3, folder_.path()).metrics.empty()) << "not due";
  const std::string samples = read_file(folder_ / "samples.txt");
  EXPECT_TRUE(samples.starts_with("step 2\nThe capital of France is"));
  EXPECT_EQ(samples.find("step 3"), std::string::npos);
  for (const std::string& prompt : sample_prompts()) EXPECT_NE(samples.find("\n" + prompt), std::string::npos);
}

TEST_F(GptTaskTest, SaysThatTheCoreMetricIsLeftOut) {
  gpt::Gpt gpt = model();
  options_.core_metric_every = 2;
  options_.eval_bundle = folder_ / "eval_bundle";
  GptTask without = task(gpt, options_);
  EXPECT_EQ(without.notices(),
            std::vector<std::string>{"no folder " + options_.eval_bundle.string() + ": the CORE metric is left out"});
  EXPECT_EQ(without.total_iterations(), 3) << "evaluations at 0, 4 and 6 only";
  options_.eval_bundle = fs::path(TERN_TEST_REFERENCE) / "core/bundle";
  options_.core_metric_max_per_task = 11;
  GptTask with = task(gpt, options_);
  EXPECT_TRUE(with.notices().empty());
  EXPECT_EQ(with.total_iterations(), 4) << "at 0, 2, 4 and 6";
  const EvalResult result = with.evaluate(2, folder_.path());
  EXPECT_EQ(result.metrics.front().first, "core/choice");
  EXPECT_EQ(result.metrics.back().first, "core/metric");
}

TEST_F(GptTaskTest, RefusesWhatDoesNotFit) {
  gpt::Gpt gpt = model();
  options_.total_batch_size = 100;
  expect_error(
      ErrorKind::usage, [&] { (void)task(gpt, options_); },
      "total_batch_size=100 is not a multiple of 64 tokens (device_batch_size 2 x 32 x 1 ranks), in the "
      "configuration, use total_batch_size=128");
  gpt::GptConfig config = small_config();
  config.vocab_size = 300;
  at::Generator generator = at::detail::createCPUGenerator(3);
  gpt::Gpt other(config, generator);
  options_.total_batch_size = 128;
  expect_error(
      ErrorKind::data, [&] { (void)task(other, options_); },
      "the tokenizer has 265 tokens, the model 300, use the tokenizer that the model was trained with");
  GptTask gpt_task = task(gpt, options_);
  expect_error(
      ErrorKind::checkpoint,
      [&] {
        gpt_task.restore({}, {{"steps", 3}}, false);
      },
      "unexpected counters: ");
}

}  // namespace
}  // namespace tern::test
