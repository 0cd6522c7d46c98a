// A run that is interrupted and started again must be the run that was never interrupted, bit for bit.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <random>

#include "base/file.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/run_folder.h"
#include "tests/apps/trm_run.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

// Long enough to be hit in the middle, with a checkpoint every few steps.
const Words kLong = {"epochs=120", "eval_interval=20", "checkpoint_interval=7"};

Words with(Words options, const Words& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

int64_t lines_of(const fs::path& file) {
  if (!fs::exists(file)) return 0;
  const std::string text = read_file(file);
  return std::count(text.begin(), text.end(), '\n');
}

// Starts the run and sends a signal as soon as metrics.jsonl has so many lines.
ProcessResult interrupt(const TrmFolder& folder, const std::string& run, const Words& options, int64_t lines,
                        int signal) {
  Process process(folder.command(run, options), folder.here());
  process.wait_until([&] { return lines_of(folder.path() / run / "metrics.jsonl") >= lines; });
  process.send_signal(signal);
  return process.wait();
}

TEST(TrmResume, KilledAtRandomMoments) {
  const TrmFolder folder;
  folder.train_well("undisturbed", kLong);
  std::mt19937 random(7);
  int kills = 0;
  for (int64_t lines = 0; kills < 12;) {
    lines += static_cast<int64_t>(random() % 90);
    Process process(folder.command("run", kLong), folder.here());
    process.wait_until([&] { return lines_of(folder.path() / "run/metrics.jsonl") >= lines; });
    ::usleep(static_cast<useconds_t>(random() % 4000));  // anywhere within a step or a write
    process.send_signal(SIGKILL);
    if (process.wait().exit_code == 0) break;
    ++kills;
    lines = lines_of(folder.path() / "run/metrics.jsonl");
  }
  EXPECT_GE(kills, 5);
  folder.train_well("run", kLong);
  folder.expect_same_run("run", "undisturbed");
}

// The writer is killed with its hands in the files: a checkpoint after every step, killed while one is being written.
TEST(TrmResume, KilledDuringACheckpointWrite) {
  const TrmFolder folder;
  const Words options = {"epochs=24", "checkpoint_interval=1", "arch.hidden_size=64"};
  folder.train_well("undisturbed", options);
  int during_a_write = 0;
  for (int round = 1; round <= 8; ++round) {
    Process process(folder.command("run", options), folder.here());
    const auto is_writing = [&] {
      const fs::path run = folder.path() / "run";
      if (lines_of(run / "metrics.jsonl") < 12 * round) return false;
      std::error_code gone;
      for (fs::directory_iterator entry(run, gone), end; entry != end; entry.increment(gone)) {
        if (entry->path().extension() == kWritingSuffix) return true;
      }
      return false;
    };
    process.wait_until(is_writing);
    process.send_signal(SIGKILL);
    if (process.wait().exit_code == 0) break;
    for (const auto& entry : fs::directory_iterator(folder.path() / "run")) {
      during_a_write += entry.path().extension() == kWritingSuffix ? 1 : 0;
    }
  }
  EXPECT_GE(during_a_write, 2);
  folder.train_well("run", options);
  folder.expect_same_run("run", "undisturbed");
}

TEST(TrmResume, LosesAtMostTheStepsSinceTheLastCheckpoint) {
  const TrmFolder folder;
  interrupt(folder, "run", kLong, 100, SIGKILL);
  const std::vector<FoundCheckpoint> newest_first = scan_checkpoints(folder.path() / "run");
  ASSERT_FALSE(newest_first.empty());
  const int64_t saved = newest_first.front().step;
  const auto done = static_cast<int64_t>(folder.rows("run", "step").size());
  EXPECT_GE(saved, done - 3 * 7) << "one interval, and those whose write was in flight";
  const ProcessResult result = folder.train_well("run", kLong);
  const std::string step = std::to_string(saved);
  EXPECT_TRUE(contains(result.err, "resumed run/step_" + step + " at step " + step + " of 720\n")) << result.err;
}

TEST(TrmResume, StoppedBySignalsTwiceInARow) {
  const TrmFolder folder;
  folder.train_well("undisturbed", kLong);
  const ProcessResult term = interrupt(folder, "run", kLong, 50, SIGTERM);
  EXPECT_EQ(term.exit_code, 143) << term.err;
  EXPECT_TRUE(contains(term.err, "stopping: this step is finished and a checkpoint written")) << term.err;
  EXPECT_TRUE(contains(term.err, "stopped by SIGTERM at step ")) << term.err;
  EXPECT_TRUE(contains(read_file(folder.path() / "run/report.html"), "stopped by SIGTERM"));
  const int64_t rows = lines_of(folder.path() / "run/metrics.jsonl");
  // A second stop at once: nothing is trained in between.
  const ProcessResult again = interrupt(folder, "run", kLong, 0, SIGINT);
  EXPECT_TRUE(again.exit_code == 130) << again.exit_code << again.err;
  EXPECT_GE(lines_of(folder.path() / "run/metrics.jsonl"), rows) << "a stop loses no step";
  const ProcessResult third = interrupt(folder, "run", kLong, rows + 60, SIGINT);
  EXPECT_EQ(third.exit_code, 130) << third.err;
  folder.train_well("run", kLong);
  folder.expect_same_run("run", "undisturbed");
}

TEST(TrmResume, StoppedInAnEvaluation) {
  const TrmFolder folder;
  write_tiny_dataset(folder.path() / "big", {.test_examples = 100});
  const Words options = {"data_paths_test=[big]", "epochs=8", "arch.halt_max_steps=8"};
  folder.train_well("undisturbed", options);
  // 24 rows: the first iteration's training is over, and 3000 examples are evaluated.
  const ProcessResult result = interrupt(folder, "run", options, 24, SIGTERM);
  EXPECT_EQ(result.exit_code, 143) << result.err;
  EXPECT_EQ(folder.rows("run", "eval").size(), 0U) << "the signal came too late to test this";
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24}));
  folder.train_well("run", options);
  folder.expect_same_run("run", "undisturbed");
}

// Exactly at a checkpoint, at an evaluation and at the border of an epoch: the run ends there by time_limit or by its
// number of steps, and a longer one goes on.
TEST(TrmResume, ExactlyAtACheckpointAnEvaluationAndAnEpochBorder) {
  const TrmFolder folder;
  for (const auto& [interval, at_step] : {std::pair(24, 24), std::pair(10, 20), std::pair(6, 18)}) {
    const Words options = {"checkpoint_interval=" + std::to_string(interval), "keep_checkpoints=0"};
    const std::string undisturbed = "undisturbed" + std::to_string(interval);
    const std::string run = "run" + std::to_string(interval);
    folder.train_well(undisturbed, options);
    // What a kill right behind that checkpoint leaves: nothing newer, and metrics that go on.
    fs::copy(folder.path() / undisturbed, folder.path() / run, fs::copy_options::recursive);
    for (const int64_t step : folder.checkpoints(run)) {
      if (step > at_step) fs::remove_all(folder.path() / run / step_folder(step));
    }
    ASSERT_EQ(folder.checkpoints(run).back(), at_step);
    const ProcessResult result = folder.train_well(run, options);
    EXPECT_TRUE(contains(result.err, "at step " + std::to_string(at_step) + " of 72\n")) << result.err;
    folder.expect_same_run(run, undisturbed);
  }
}

TEST(TrmResume, AggregatedVotesAndMetricsSurvive) {
  const TrmFolder folder;
  const Words options = with(folder.build_arc(), {"epochs=3", "checkpoint_interval=2"});
  folder.train_well("undisturbed", options);
  const int64_t first_evaluation = folder.rows("undisturbed", "eval")[0]["step"];
  const ProcessResult result = interrupt(folder, "run", options, first_evaluation + 2, SIGKILL);
  EXPECT_EQ(result.exit_code, 137);
  folder.train_well("run", options);
  folder.expect_same_run("run", "undisturbed");
  const std::string last = std::to_string(folder.rows("run", "eval").back()["step"].get<int64_t>());
  EXPECT_EQ(read_file(folder.path() / ("run/evaluator_ARC_step_" + last + "/submission.json")),
            read_file(folder.path() / ("undisturbed/evaluator_ARC_step_" + last + "/submission.json")));
}

TEST(TrmResume, NeverBeginsAnew) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=8"});
  const std::string metrics = folder.metrics("run");
  const ProcessResult result = folder.train_well("run", {"epochs=8", "resume=never"});
  EXPECT_FALSE(contains(result.err, "resumed")) << result.err;
  EXPECT_EQ(folder.metrics("run"), metrics);
  EXPECT_TRUE(fs::exists(folder.path() / "run/metrics.previous.jsonl"));
}

TEST(TrmResume, FromAPath) {
  const TrmFolder folder;
  folder.train_well("first", {"checkpoint_interval=5", "keep_checkpoints=0"});
  const ProcessResult result =
      folder.train_well("second", {"resume=first/step_30", "checkpoint_interval=5", "keep_checkpoints=0"});
  EXPECT_TRUE(contains(result.err, "resumed first/step_30 at step 30 of 72\n")) << result.err;
  const auto all = folder.rows("first", "step");
  const auto rest = folder.rows("second", "step");
  ASSERT_EQ(rest.size(), all.size() - 30);
  EXPECT_EQ(rest.front()["loss"], all[30]["loss"]);
  EXPECT_EQ(rest.back()["loss"], all.back()["loss"]);
}

TEST(TrmResume, FromAPathThatIsNoCheckpoint) {
  const TrmFolder folder;
  const ProcessResult result = folder.train("run", {"resume=nowhere/step_3"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_TRUE(contains(result.err, "error: ") && contains(result.err, "nowhere/step_3")) << result.err;
  EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

TEST(TrmResume, FinishedRunSaysSoAndAMoreAmbitiousOneGoesOn) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=8"});
  const auto written = fs::last_write_time(folder.path() / "run/step_48/manifest.json");
  const ProcessResult again = folder.train_well("run", {"epochs=8"});
  EXPECT_TRUE(contains(again.err, "nothing is left to train: raise epochs, or begin anew with resume=never\n"))
      << again.err;
  EXPECT_EQ(fs::last_write_time(folder.path() / "run/step_48/manifest.json"), written) << "nothing to save either";
  folder.train_well("run", {"epochs=12"});
  EXPECT_EQ(folder.rows("run", "step").size(), 72U);
}

TEST(TrmResume, DamagedNewestCheckpointFallsBackAndSaysSo) {
  const TrmFolder folder;
  folder.train_well("run");
  std::fstream file(folder.path() / "run/step_72/optimizer.rank0-of-1.safetensors", std::ios::in | std::ios::out);
  file.seekp(-5, std::ios::end);
  file.put('\x5a');
  file.close();
  const std::string expected = folder.metrics("run");
  const ProcessResult result = folder.train_well("run");
  EXPECT_TRUE(contains(result.err, "checkpoint step_72 is not usable: file is damaged")) << result.err;
  EXPECT_TRUE(contains(result.err, "resumed run/step_48 at step 48 of 72\n")) << result.err;
  EXPECT_EQ(folder.metrics("run"), expected);
}

TEST(TrmResume, OtherSettingsThatCannotGoOnAreRefusedAndNothingIsLost) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=8"});
  const std::string metrics = read_file(folder.path() / "run/metrics.jsonl");
  write_tiny_dataset(folder.path() / "vocabulary", {.vocab_size = 9});
  write_tiny_dataset(folder.path() / "length", {.side = 5});
  const auto refused = [&](const Words& options, const std::string& message) {
    const ProcessResult result = folder.train("run", with({"epochs=12"}, options));
    EXPECT_EQ(result.exit_code, 4) << result.err;
    EXPECT_TRUE(contains(result.err, "error: ") && contains(result.err, message)) << result.err;
    EXPECT_EQ(read_file(folder.path() / "run/metrics.jsonl"), metrics);
    EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24, 48}));
  };
  refused({"global_batch_size=8"}, "the checkpoint has 4 puzzles in progress and global_batch_size is 8");
  refused({"data_paths=[vocabulary]"}, "has shape [6, 16] instead of [9, 16]");
  refused({"data_paths=[length]"}, "puzzles in progress don't fit this architecture or data");
  refused({"arch.hidden_size=32"}, "puzzles in progress don't fit this architecture or data");
  refused({"arch.L_layers=3"}, "model.inner.L_level.layers.2.self_attn.qkv_proj.weight is missing");
  refused({"seed=5"}, "was saved with another seed");
  refused({"eval_interval=3"}, "was saved with other epochs_per_iter");
}

TEST(TrmResume, WithoutACarryPuzzlesStartAfreshAndItSaysSo) {
  const TrmFolder folder;
  const Words options = {"save_carry=False"};
  const ProcessResult first = interrupt(folder, "run", with(kLong, options), 50, SIGTERM);
  ASSERT_EQ(first.exit_code, 143);
  const ProcessResult result = folder.train_well("run", with(kLong, options));
  EXPECT_TRUE(
      contains(result.err, "the checkpoint was written with save_carry=False: puzzles in progress start afresh\n"))
      << result.err;
}

TEST(TrmResume, KeepsTheNewestCheckpointsAndTheBest) {
  const TrmFolder folder;
  // Every evaluation takes 3.0 steps, so the first one is the best: later equals are no improvement.
  folder.train_well("run", {"epochs=24", "eval_interval=4", "best_metric=all/steps", "keep_checkpoints=2"});
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24, 120, 144}));
  const ProcessResult unknown = folder.train_well("other", {"epochs=4", "best_metric=all/step"});
  EXPECT_TRUE(
      contains(unknown.err, "warning: best_metric all/step is not among the evaluation's metrics: all/accuracy, "))
      << unknown.err;
}

TEST(TrmResume, EarlyStopCountsEvaluationsWithoutABetterOne) {
  const TrmFolder folder;
  // With a rate of zero no evaluation is better than the first.
  const Words options = {"epochs=40",       "eval_interval=4",         "lr=0",
                         "puzzle_emb_lr=0", "best_metric=all/lm_loss", "early_stop=2"};
  const ProcessResult result = folder.train_well("run", options);
  EXPECT_TRUE(contains(result.err, "stopped early: no better all/lm_loss at step 72 of 240")) << result.err;
  EXPECT_EQ(folder.rows("run", "eval").size(), 3U);
  const ProcessResult again = folder.train_well("run", options);
  EXPECT_EQ(folder.rows("run", "eval").size(), 3U) << "it stays stopped";
}

TEST(TrmResume, TimeLimitEndsWithACheckpointAndGoesOn) {
  const TrmFolder folder;
  folder.train_well("undisturbed", kLong);
  const ProcessResult result = folder.train_well("run", with(kLong, {"time_limit=0.3"}));
  EXPECT_TRUE(contains(result.err, "stopped at time_limit at step ")) << result.err;
  const auto steps = folder.rows("run", "step");
  EXPECT_LT(steps.size(), 720U);
  EXPECT_EQ(folder.checkpoints("run").back(), static_cast<int64_t>(steps.size()));
  folder.train_well("run", kLong);
  EXPECT_EQ(folder.metrics("run"), folder.metrics("undisturbed"));
}

TEST(TrmResume, OneProcessPerRunFolder) {
  const TrmFolder folder;
  Process first(folder.command("run", kLong), folder.here());
  ASSERT_TRUE(first.wait_until([&] { return lines_of(folder.path() / "run/metrics.jsonl") > 10; }));
  const ProcessResult second = folder.train("run", kLong);
  EXPECT_EQ(second.exit_code, 3) << second.err;
  EXPECT_TRUE(contains(second.err, "another process is writing this file")) << second.err;
  EXPECT_EQ(first.wait().exit_code, 0) << "the first is not disturbed";
  EXPECT_EQ(folder.rows("run", "step").size(), 720U);
}

}  // namespace
}  // namespace tern::test
