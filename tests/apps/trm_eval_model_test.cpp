// trm_eval with a model: what it says and writes is what the evaluation inside training said and wrote.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "base/file.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/torch_file.h"
#include "tests/apps/trm_run.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

ProcessResult evaluate(const TrmFolder& folder, const Words& arguments) {
  return run_process(Words{program("trm_eval")} + arguments + Words{"--out", "out"}, folder.here());
}

nlohmann::json scores(const ProcessResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << result.out;
  return nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
}

void expect_refused(const ProcessResult& result, int exit_code, const std::string& message) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_EQ(result.out, "");
  const std::string last =
      result.err.substr(result.err.rfind("error: ") == std::string::npos ? 0 : result.err.rfind("error: "));
  EXPECT_TRUE(last.starts_with("error: ") && last.find('\n') == last.size() - 1) << result.err;
  EXPECT_TRUE(contains(last, message)) << result.err;
}

TEST(TrmEvalModel, EqualsTheEvaluationInsideTraining) {
  const TrmFolder folder;
  folder.train_well("run", folder.build_arc());
  const auto evals = folder.rows("run", "eval");
  ASSERT_EQ(evals.size(), 2U);
  // The first evaluation: later ones count the votes of the earlier ones too.
  const std::string step = "step_" + std::to_string(evals[0]["step"].get<int64_t>());
  const ProcessResult result = evaluate(folder, {"--checkpoint", "run/" + step});
  EXPECT_EQ(scores(result), evals[0]["metrics"]);
  EXPECT_TRUE(contains(result.err, "evaluating the averaged weights of run/" + step)) << result.err;
  EXPECT_TRUE(contains(result.err, "Evaluate: 4/4 examples (100%)")) << result.err;
  EXPECT_EQ(read_file(folder.path() / "out/submission.json"),
            read_file(folder.path() / ("run/evaluator_ARC_" + step + "/submission.json")));
}

TEST(TrmEvalModel, TakesAFileOfTorchSaveWithItsArchitectureFromOverrides) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4", "ema=False"});
  TensorList compiled;
  for (const auto& [name, tensor] : read_safetensors(folder.path() / "run/step_24/model.safetensors").tensors) {
    compiled.emplace_back("_orig_mod." + name, tensor);
  }
  write_torch_file(folder.path() / "model.pt", compiled);
  const Words model = {"arch.hidden_size=16",
                       "arch.num_heads=2",
                       "arch.puzzle_emb_len=1",
                       "arch.H_cycles=2",
                       "arch.L_cycles=1",
                       "arch.halt_max_steps=3",
                       "arch.forward_dtype=float32",
                       "evaluators=[]",
                       "threads=1"};
  const Words file = {"--checkpoint", "model.pt", "--batch-size", "4"};
  const nlohmann::json found = scores(evaluate(folder, file + Words{"--data", "data", "--device", "cpu"} + model));
  EXPECT_EQ(found, folder.rows("run", "eval")[0]["metrics"]);
  expect_refused(evaluate(folder, file + model), 2, "doesn't say which data it belongs to, model.pt, add --data DIR");
  expect_refused(evaluate(folder, file + Words{"--data", "data", "evaluators=[]"}), 4,
                 "has shape [16] instead of [512]");
}

TEST(TrmEvalModel, RawAndAveragedWeightsDiffer) {
  const TrmFolder folder;
  folder.train_well("run");
  const auto averaged = scores(evaluate(folder, {"--checkpoint", "run"}));
  EXPECT_EQ(averaged, folder.rows("run", "eval").back()["metrics"]);
  const auto raw = scores(evaluate(folder, {"--checkpoint", "run", "--raw"}));
  EXPECT_NE(raw["all/lm_loss"], averaged["all/lm_loss"]);
}

TEST(TrmEvalModel, BatchSizeChangesNothingButSpeed) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4"});
  const auto small = scores(evaluate(folder, {"--checkpoint", "run", "--batch-size", "1"}));
  const auto large = scores(evaluate(folder, {"--checkpoint", "run", "--batch-size", "100"}));
  for (const auto& [name, value] : small.items()) {
    if (name == "all/q_halt_loss") continue;  // upstream adds up the padding rows too
    EXPECT_NEAR(value.get<double>(), large[name].get<double>(), 1e-5) << name;
  }
}

TEST(TrmEvalModel, OptionsChooseKAndOutputs) {
  const TrmFolder folder;
  folder.train_well("run", folder.build_arc() + Words{"epochs=1"});
  const auto found = scores(
      evaluate(folder, {"--checkpoint", "run", "--pass-k", "3,1", "--submission-k", "1", "eval_save_outputs=[preds]"}));
  EXPECT_TRUE(found.contains("ARC/pass@3") && found.contains("ARC/pass@1") && !found.contains("ARC/pass@2"));
  const auto submission = nlohmann::json::parse(read_file(folder.path() / "out/submission.json"));
  EXPECT_EQ(submission["evaluation0"][0].size(), 1U);
  const std::string step = std::to_string(folder.checkpoints("run").back());
  EXPECT_EQ(read_torch_file(folder.path() / ("out/step_" + step + "_all_preds.0")).tensors[0].second.sizes(),
            (std::vector<int64_t>{4, 900}));
}

TEST(TrmEvalModel, OtherPuzzlesAreEvaluatedWithAWarning) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4"});
  write_tiny_dataset(folder.path() / "more", {.puzzles = 20});
  const ProcessResult result = evaluate(folder, {"--checkpoint", "run", "--data", "more"});
  EXPECT_TRUE(scores(result).contains("all/accuracy"));
  EXPECT_TRUE(contains(result.err, "warning: the puzzle embedding of run/step_24 has 13 rows, this dataset 21"))
      << result.err;
}

TEST(TrmEvalModel, RefusesWhatCannotBeEvaluated) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4"});
  write_tiny_dataset(folder.path() / "vocabulary", {.vocab_size = 9});
  write_tiny_dataset(folder.path() / "no_test", {.test_split = false});
  expect_refused(evaluate(folder, {"--checkpoint", "nowhere"}), 4, "no such file or folder, nowhere");
  expect_refused(evaluate(folder, {"--checkpoint", "run", "--data", "vocabulary"}), 4,
                 "the model knows 6 tokens and the dataset has 9, run/step_24");
  expect_refused(evaluate(folder, {"--checkpoint", "run", "--data", "no_test"}), 3, "no_test/test/dataset.json");
  expect_refused(evaluate(folder, {"--checkpoint", "run", "evaluators=[{name: arc@ARC}]"}), 3, "test_puzzles.json");
  expect_refused(evaluate(folder, {"--checkpoint", "run", "arch.L_cycle=3"}), 2, "L_cycles");
  expect_refused(evaluate(folder, {"--checkpoint", "run", "--batch-size", "0"}), 2, "global_batch_size is 0");
  expect_refused(evaluate(folder, {"--checkpoint", "run", "--predictions", "x.npz"}), 2, "exclude each other");
  expect_refused(evaluate(folder, {"--predictions", "x.npz", "--raw"}), 2, "--raw has no meaning with --predictions");
  std::ofstream(folder.path() / "out_file") << "x";
  expect_refused(run_process({program("trm_eval"), "--checkpoint", "run", "--out", "out_file/x"}, folder.here()), 3,
                 "can't make the output folder");
}

TEST(TrmEvalModel, StopsAtASignalWithoutLeavingHalfAResult) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4"});
  write_tiny_dataset(folder.path() / "big", {.test_examples = 4000});
  Process process({program("trm_eval"), "--checkpoint", "run", "--data", "big", "--out", "out", "--batch-size", "1"},
                  folder.here());
  ASSERT_TRUE(process.wait_until([&] { return contains(process.err_so_far(), "evaluating the averaged weights"); }));
  process.send_signal(SIGTERM);
  const ProcessResult result = process.wait();
  EXPECT_EQ(result.exit_code, 143) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(fs::is_empty(folder.path() / "out"));
}

}  // namespace
}  // namespace tern::test
