// What can go wrong while trm_train runs: signals, a full disk, NaN, no memory, data that doesn't fit. Each says so in
// one line, ends with its own exit code, and leaves nothing on disk worse than before.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include <ATen/ops/full_like.h>

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

// The last line of stderr is the error, on one line.
void expect_error(const ProcessResult& result, int exit_code, const std::string& message) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  const size_t start = result.err.rfind("error: ");
  ASSERT_NE(start, std::string::npos) << result.err;
  const std::string line = result.err.substr(start);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << result.err;
  EXPECT_TRUE(contains(line, message)) << result.err;
}

TEST(TrmSignals, InStartUp) {
  const TrmFolder folder;
  folder.train_well("undisturbed");
  for (const int signal : {SIGTERM, SIGINT}) {
    Process process(folder.command("run"), folder.here());
    ASSERT_TRUE(process.wait_until([&] { return contains(process.err_so_far(), "parameters, "); }));
    process.send_signal(signal);
    const ProcessResult result = process.wait();
    EXPECT_EQ(result.exit_code, 128 + signal) << result.err;
    EXPECT_FALSE(folder.checkpoints("run").empty());
  }
  folder.train_well("run");
  EXPECT_EQ(folder.metrics("run"), folder.metrics("undisturbed"));
}

// Steps of about a second each, so that a second signal meets the first one's step.
const Words kSlow = {"arch.H_cycles=4000"};

TEST(TrmSignals, SecondCtrlCStopsAtOnce) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4"});
  Process process(folder.command("run", kSlow), folder.here());
  ASSERT_TRUE(process.wait_until([&] { return contains(process.err_so_far(), "resumed "); }));
  process.send_signal(SIGINT);
  ASSERT_TRUE(process.wait_until([&] { return contains(process.err_so_far(), "Ctrl-C once more stops at once"); }));
  process.send_signal(SIGINT);
  const ProcessResult result = process.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_FALSE(contains(result.err, "stopped by SIGINT")) << result.err;
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24})) << "what was there stays";
}

TEST(TrmSignals, RepeatedSigtermStillWritesTheCheckpoint) {
  const TrmFolder folder;
  Process process(folder.command("run", kSlow), folder.here());
  ASSERT_TRUE(process.wait_until([&] { return contains(process.err_so_far(), "parameters, "); }));
  for (int i = 0; i < 3; ++i) process.send_signal(SIGTERM);
  const ProcessResult result = process.wait();
  EXPECT_EQ(result.exit_code, 143) << result.err;
  EXPECT_TRUE(contains(result.err, "stopped by SIGTERM at step ")) << result.err;
  EXPECT_EQ(folder.checkpoints("run").size(), 1U);
}

TEST(TrmSignals, StopASweepAltogether) {
  const TrmFolder folder;
  Process process(folder.command("run", {"--multirun", "seed=1,2,3", "epochs=400", "eval_interval=400"}),
                  folder.here());
  ASSERT_TRUE(process.wait_until([&] { return fs::exists(folder.path() / "run/0/metrics.jsonl"); }));
  process.send_signal(SIGTERM);
  EXPECT_EQ(process.wait().exit_code, 143);
  EXPECT_FALSE(fs::exists(folder.path() / "run/1"));
}

// On a terminal of its own, which `script` makes.
TEST(TrmTerminal, BarIsRedrawnAndErasedAndTheExitCodeIsKept) {
  const TrmFolder folder;
  std::string command;
  for (const std::string& word : folder.command("run")) command += "'" + word + "' ";
  const ProcessResult result =
      run_process({"env", "TERM=xterm", "script", "--quiet", "--return", "--flush", "--command", command, "typescript"},
                  folder.here());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string shown = read_file(folder.path() / "typescript");
  EXPECT_TRUE(contains(shown, "\rTrain ")) << shown;
  EXPECT_TRUE(contains(shown, "72/72 steps")) << shown;
  EXPECT_TRUE(contains(shown, "\x1b[K")) << shown;
  EXPECT_TRUE(contains(shown, "Evaluate ")) << shown;
  EXPECT_FALSE(contains(shown, "Step 10 |")) << "log lines are for pipes";
  EXPECT_FALSE(contains(shown, "\x1b[K72")) << shown;
}

TEST(TrmDisk, FullDiskIsSaidAndTrainingGoesOn) {
  const TrmFolder folder;
  folder.train_well("undisturbed");
  folder.train_well("run", {"epochs=4"});
  // Weights take 107 kB, so no checkpoint can be written; metrics.jsonl can.
  ProcessOptions full = folder.here();
  full.max_file_bytes = 80000;
  const ProcessResult result = run_process(folder.command("run"), full);
  expect_error(result, 4,
               "the last checkpoint could not be written: checkpoint of step 72 was not written: write failed");
  EXPECT_TRUE(contains(result.err, "\ncheckpoint of step 48 was not written: write failed: File too large"))
      << result.err;
  EXPECT_TRUE(contains(read_file(folder.path() / "run/run.log"), "checkpoint of step 48 was not written"));
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24}));
  EXPECT_EQ(folder.rows("run", "step").size(), 72U) << "it trained to the end";
  folder.train_well("run");
  folder.expect_same_run("run", "undisturbed");
}

TEST(TrmDisk, RunFolderThatCannotBe) {
  const TrmFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  expect_error(folder.train("file/run"), 3, "file/run");
}

// The rate sends the weights to infinity in one step; the next one is NaN.
const Words kExploding = {"lr=1e40", "checkpoint_interval=1"};

TEST(TrmNan, StopKeepsTheLastGoodCheckpoint) {
  const TrmFolder folder;
  folder.train_well("undisturbed", {"epochs=8"});
  folder.train_well("run", {"epochs=4"});
  const ProcessResult result = folder.train("run", Words{"epochs=8"} + kExploding);
  expect_error(result, 5, "training diverged: loss nan and gradient norm ");
  EXPECT_TRUE(contains(result.err, " at step 26, run, ")) << result.err;
  EXPECT_TRUE(contains(result.err, "checkpoint of step 25 was not written: ") &&
              contains(result.err, " is not finite; older checkpoints are kept"))
      << result.err;
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24}));
  EXPECT_TRUE(contains(read_file(folder.path() / "run/report.html"), "diverged at step 26"));
  folder.train_well("run", {"epochs=8"});
  folder.expect_same_run("run", "undisturbed");
}

TEST(TrmNan, NaNInTheLastStepIsNoFinishedRun) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4"});
  // One more step: nothing comes after it that would see the NaN.
  const ProcessResult result = folder.train("run", {"epochs=5", "eval_interval=5", "resume=never", "lr=1e40",
                                                    "global_batch_size=24", "epochs=1", "eval_interval=1"});
  expect_error(result, 5, "is not finite after step 1");
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24}));
}

TEST(TrmNan, RollbackAndSkipGiveUpInTheEnd) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4"});
  const ProcessResult rolled = folder.train("run", Words{"epochs=8", "on_nan=rollback"} + kExploding);
  expect_error(rolled, 5, " at step 26, run, ");
  EXPECT_TRUE(contains(rolled.err, "rolled back to step 24; the data goes on behind the failed batch")) << rolled.err;
  const ProcessResult skipped = folder.train("run", Words{"epochs=8", "on_nan=skip"} + kExploding);
  expect_error(skipped, 5, " at step 26, run, ");
  EXPECT_TRUE(contains(skipped.err, " at step 26; batch skipped")) << skipped.err;
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24}));
}

TEST(TrmNan, WeightsThatAreNaNFromTheStart) {
  const TrmFolder folder;
  folder.train_well("start", {"epochs=4", "ema=False"});
  TensorList weights = read_safetensors(folder.path() / "start/step_24/model.safetensors").tensors;
  for (auto& [name, tensor] : weights) {
    if (name == "model.inner.lm_head.weight") tensor = at::full_like(tensor, std::nan(""));
  }
  write_torch_file(folder.path() / "nan.pt", weights);
  expect_error(folder.train("run", {"load_checkpoint=nan.pt"}), 5,
               "training diverged: loss nan and gradient norm nan at step 1, run");
  EXPECT_TRUE(folder.checkpoints("run").empty());
  expect_error(folder.train("other", {"load_checkpoint=nan.pt", "on_nan=rollback"}), 5,
               "there is no checkpoint to go back to");
}

TEST(TrmMemory, OutOfMemoryIsOneLineAndLosesNothing) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4"});
  ProcessOptions small = folder.here();
  small.max_address_bytes = int64_t{6} << 30;
  expect_error(run_process(folder.command("run", {"arch.hidden_size=65536"}), small), 7,
               "out of memory, could not allocate ");
  const ProcessResult result = run_process(folder.command("run", {"arch.hidden_size=65536"}), small);
  expect_error(result, 7, "lower global_batch_size or the model's size, or free memory");
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24}));
  EXPECT_EQ(folder.rows("run", "step").size(), 24U);
}

TEST(TrmMemory, RunsOutWithinAStep) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4"});
  ProcessOptions small = folder.here();
  small.max_address_bytes = int64_t{3} << 30;
  // The weights stay as small as they are; what the backward pass needs of the cycles does not fit.
  const Words endless = {"epochs=8", "arch.H_cycles=1", "arch.L_cycles=1000000"};
  expect_error(run_process(folder.command("run", endless), small), 7, "out of memory");
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24}));
  EXPECT_EQ(folder.rows("run", "step").size(), 24U);
  folder.train_well("run", {"epochs=8"});
  EXPECT_EQ(folder.checkpoints("run").back(), 48);
}

TEST(TrmBadInput, Configuration) {
  const TrmFolder folder;
  expect_error(folder.train("run", {"globalbatchsize=4"}), 2, "did you mean 'global_batch_size'?");
  expect_error(folder.train("run", {"epochs=many"}), 2,
               "epochs needs an integer >= 1 and <= 1000000000000, not 'many'");
  expect_error(folder.train("run", {"arch.num_heads=3"}), 2,
               "arch.hidden_size=16 is not divisible by arch.num_heads=3");
  expect_error(folder.train("run", {"eval_interval=5"}), 2, "eval_interval=5 does not divide epochs=12");
  expect_error(folder.train("run", {"global_batch_size=100"}), 2, "the data gives no batch of 100 examples");
  const auto with_world = [&](const std::string& size) {
    ProcessOptions options = folder.here();
    options.environment = {{"WORLD_SIZE", size}, {"RANK", "0"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "29500"}};
    return run_process(folder.command("run"), options);
  };
  expect_error(with_world("3"), 2, "global_batch_size=4 is not divisible by the 3 ranks");
  expect_error(with_world("two"), 2, "WORLD_SIZE is 'two'");
  expect_error(with_world("2"), 6, "training over several processes is not part of this version");
  if (folder.train("cuda", {"device=cuda", "epochs=4"}).exit_code != 0) {
    expect_error(folder.train("cuda", {"device=cuda"}), 2, "no CUDA device");
  }
}

TEST(TrmBadInput, DataThatDoesNotFitTheWeights) {
  const TrmFolder folder;
  const Words learned = {"epochs=4", "arch.pos_encodings=learned"};
  folder.train_well("start", learned);
  write_tiny_dataset(folder.path() / "vocabulary", {.vocab_size = 9});
  write_tiny_dataset(folder.path() / "length", {.side = 5});
  const Words from_start = learned + Words{"load_checkpoint=start"};
  expect_error(folder.train("run", from_start + Words{"data_paths=[vocabulary]"}), 4,
               "the model knows 6 tokens and the dataset has 9, start/step_24");
  expect_error(folder.train("run", from_start + Words{"data_paths=[length]"}), 4,
               "tensor model.inner.embed_pos.embedding_weight has shape [17, 16] instead of [26, 16], start/step_24");
  expect_error(folder.train("run", {"load_checkpoint=nowhere.pt"}), 4, "no such file or folder, nowhere.pt");
  EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

TEST(TrmBadInput, MissingData) {
  const TrmFolder folder;
  expect_error(folder.train("run", {"data_paths=[nowhere]"}), 3, "no puzzle dataset here, nowhere");
  expect_error(folder.train("run", {"data_paths_test=[nowhere]"}), 3, "no puzzle dataset here, nowhere");
  write_tiny_dataset(folder.path() / "longer", {.side = 5});
  expect_error(folder.train("run", {"data_paths_test=[longer]"}), 3,
               "the test data has 25 cells an example and the model 16");
  EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

TEST(TrmEvaluationFailures, MissingTestSplitIsSaidAndTrainingGoesOn) {
  const TrmFolder folder;
  write_tiny_dataset(folder.path() / "no_test", {.test_split = false});
  const ProcessResult result = folder.train_well("run", {"data_paths=[no_test]", "epochs=8"});
  EXPECT_TRUE(contains(result.err,
                       "warning: there will be no evaluation, open failed: No such file or directory, "
                       "no_test/test/dataset.json\n"))
      << result.err;
  EXPECT_EQ(folder.rows("run", "step").size(), 48U);
  EXPECT_TRUE(folder.rows("run", "eval").empty());
}

TEST(TrmEvaluationFailures, EvaluatorThatFailsSaysWhyAndTheRestGoesOn) {
  const TrmFolder folder;
  const ProcessResult result = folder.train_well("run", {"epochs=4", "evaluators=[{name: arc@ARC}]"});
  const std::string warning =
      "warning: evaluator ARC (arc@ARC) is left out, open failed: No such file or directory, data/test_puzzles.json\n";
  EXPECT_TRUE(contains(result.err, warning)) << result.err;
  EXPECT_TRUE(contains(read_file(folder.path() / "run/run.log"), warning));
  ASSERT_EQ(folder.rows("run", "eval").size(), 1U);
  EXPECT_TRUE(folder.rows("run", "eval")[0]["metrics"].contains("all/accuracy"));
}

TEST(TrmEvaluationFailures, EvaluatorThatCannotWriteIsLeftOut) {
  const TrmFolder folder;
  const Words arc = folder.build_arc() + Words{"epochs=1"};
  fs::create_directories(folder.path() / "run");
  folder.train_well("free", arc);
  const std::string step = std::to_string(folder.checkpoints("free").back());
  std::ofstream(folder.path() / ("run/evaluator_ARC_step_" + step)) << "a file where its folder should be";
  const ProcessResult result = folder.train_well("run", arc);
  EXPECT_TRUE(contains(result.err, "warning: evaluator ARC (arc@ARC) is left out, ")) << result.err;
  EXPECT_TRUE(folder.rows("run", "eval")[0]["metrics"].contains("all/accuracy"));
  EXPECT_FALSE(folder.rows("run", "eval")[0]["metrics"].contains("ARC/pass@1"));
  EXPECT_TRUE(folder.rows("free", "eval")[0]["metrics"].contains("ARC/pass@1"));
}

}  // namespace
}  // namespace tern::test
