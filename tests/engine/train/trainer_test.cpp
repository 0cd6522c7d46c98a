// The loop's cadence and its answers to NaN, with a task that has no model.
#include "engine/train/trainer.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/file.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/run_folder.h"
#include "engine/train/stop_signal.h"
#include "tests/engine/train/fake_task.h"
#include "tests/support/temp_folder.h"

namespace tern::test {
namespace {

class TrainerTest : public testing::Test {
 protected:
  TrainerTest() {
    config_.checkpoint_path = (folder_ / "run").string();
    config_.run_name = "fake";
    config_.lr = 0.1;
    config_.lr_warmup_steps = 0;
    config_.weight_decay = 0;
    config_.log_interval = 1000;
    config_.keep_checkpoints = 0;
  }

  TrainOutcome train(FakeTask& task, const TrainPlan& plan = {.total_steps = 6, .total_iterations = 3}) {
    return Trainer(config_, plan, task, "lr: 0.1\n").run();
  }

  std::string error_of(FakeTask& task) {
    try {
      train(task);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::diverged);
      return e.what();
    }
    return "no error";
  }

  [[nodiscard]] std::vector<int64_t> checkpoints() const {
    std::vector<int64_t> steps;
    for (const FoundCheckpoint& found : scan_checkpoints(folder_ / "run")) steps.push_back(found.step);
    std::sort(steps.begin(), steps.end());
    return steps;
  }

  [[nodiscard]] std::string log() const { return read_file(folder_ / "run/run.log"); }

  TempFolder folder_;
  TrainConfig config_;
};

using Steps = std::vector<int64_t>;

TEST_F(TrainerTest, TrainsEvaluatesAndSavesInThisOrder) {
  FakeTask task(2);
  EXPECT_EQ(train(task), TrainOutcome::finished);
  EXPECT_EQ(task.calls,
            "bfabfaeE"
            "bfabfaeE"
            "bfabfaeE");
  EXPECT_EQ(checkpoints(), (Steps{2, 4, 6}));
  EXPECT_NE(log().find("warning: evaluated"), std::string::npos);
}

TEST_F(TrainerTest, PlanEndsInTheMiddleOfTheData) {
  FakeTask task(4);
  EXPECT_EQ(train(task, {.total_steps = 5, .total_iterations = 2}), TrainOutcome::finished);
  EXPECT_EQ(task.calls,
            "bfabfabfabfaeE"
            "bfabbbeE")
      << "the last three batches are drawn and not trained on, as upstream does";
  EXPECT_EQ(checkpoints(), (Steps{4, 5}));
}

TEST_F(TrainerTest, AveragesMoveOnWhileTheDataExceedsThePlan) {
  config_.ema = true;
  config_.ema_rate = 0.5;
  const TrainPlan plan = {.total_steps = 5, .total_iterations = 1};
  FakeTask exact(5), longer(8);
  train(exact, plan);
  config_.checkpoint_path = (folder_ / "longer").string();
  train(longer, plan);
  const auto average = [&](const std::string& run) {
    return load_checkpoint(folder_ / run / "step_5", 0, 1).ema[0].second[0].item<double>();
  };
  const double weight = exact.weight();
  EXPECT_EQ(longer.weight(), weight);
  EXPECT_NE(average("run"), weight);
  EXPECT_NEAR(average("longer"), weight + (average("run") - weight) / 8, 1e-6);
}

TEST_F(TrainerTest, DataEndsBeforeThePlan) {
  FakeTask task(2);
  EXPECT_EQ(train(task, {.total_steps = 100, .total_iterations = 2}), TrainOutcome::finished);
  EXPECT_EQ(task.calls,
            "bfabfaeE"
            "bfabfaeE");
  EXPECT_EQ(checkpoints(), (Steps{2, 4}));
}

TEST_F(TrainerTest, MinEvalIntervalAndCheckpointEveryEval) {
  FakeTask task(2);
  config_.min_eval_interval = 1;
  config_.checkpoint_every_eval = false;
  train(task);
  EXPECT_EQ(task.calls,
            "bfabfae"
            "bfabfaeE"
            "bfabfaeE");
  EXPECT_EQ(checkpoints(), (Steps{6}));
}

TEST_F(TrainerTest, CheckpointIntervalCountsSteps) {
  FakeTask task(6);
  config_.checkpoint_interval = 4;
  train(task, {.total_steps = 12, .total_iterations = 2});
  EXPECT_EQ(checkpoints(), (Steps{4, 6, 8, 12}));
}

TEST_F(TrainerTest, EvaluationSeesTheAveragesAndTrainingDoesNot) {
  config_.ema = true;
  config_.ema_rate = 0.5;
  FakeTask averaged(2);
  train(averaged);
  config_.ema = false;
  config_.checkpoint_path = (folder_ / "raw").string();
  FakeTask raw(2);
  train(raw);
  EXPECT_EQ(averaged.weight(), raw.weight());
  EXPECT_NE(averaged.evaluated_weights, raw.evaluated_weights);
  const Snapshot snapshot = load_checkpoint(folder_ / "run/step_6", 0, 1);
  EXPECT_EQ(snapshot.ema[0].second[0].item<double>(), averaged.evaluated_weights.back());
  EXPECT_EQ(snapshot.model[0].second[0].item<double>(), averaged.weight());
}

TEST_F(TrainerTest, StopSignalFinishesTheStepAndResumes) {
  FakeTask undisturbed(3);
  train(undisturbed);

  config_.checkpoint_path = (folder_ / "stopped").string();
  // stop_signal() can't be taken back, so the stopped half runs in a process of its own.
  const pid_t child = ::fork();
  if (child == 0) {
    install_stop_signals("stopping");
    FakeTask task(3);
    task.during_batch = [&] {
      if (task.calls == "bfabfabfabf") return;
      if (task.calls == "bfabf") ::raise(SIGTERM);
    };
    const bool stopped = train(task) == TrainOutcome::stopped_by_signal && task.calls == "bfabfa";
    ::_exit(stopped && stop_signal() == SIGTERM ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  FakeTask resumed(3);
  EXPECT_EQ(train(resumed), TrainOutcome::finished);
  EXPECT_TRUE(resumed.calls.starts_with("bfaeE")) << resumed.calls;
  EXPECT_EQ(resumed.weight(), undisturbed.weight());
  EXPECT_EQ(resumed.carry(), undisturbed.carry());
}

TEST_F(TrainerTest, NanStopsBeforeTheWeightsAreTouched) {
  FakeTask task(2);
  task.nan_batches = {4};
  config_.checkpoint_interval = 1;
  const std::string error = error_of(task);
  EXPECT_EQ(error, "training diverged: loss nan and gradient norm " +
                       error.substr(error.find("norm ") + 5, error.find(" at step") - error.find("norm ") - 5) +
                       " at step 4, " + *config_.checkpoint_path +
                       ", the checkpoints there are from before; lower lr, or set on_nan=skip or on_nan=rollback");
  EXPECT_EQ(task.carry(), 3) << "the failed step was not accepted";
  EXPECT_EQ(checkpoints(), (Steps{1, 2, 3}));
  EXPECT_EQ(load_checkpoint(folder_ / "run/step_3", 0, 1).model[0].second[0].item<double>(), task.weight());
}

TEST_F(TrainerTest, NanInAGradientCountsToo) {
  FakeTask task(2);
  task.nan_gradients = {1};
  EXPECT_NE(error_of(task).find(" and gradient norm nan at step 1, "), std::string::npos);
  EXPECT_EQ(task.weight(), 1.0);
}

TEST_F(TrainerTest, SkipLeavesTheBatchOut) {
  FakeTask task(3);
  task.nan_batches = {2};
  config_.on_nan = "skip";
  EXPECT_EQ(train(task), TrainOutcome::finished);
  EXPECT_EQ(task.calls,
            "bfabfbfaeE"
            "bfabfabfaeE"
            "bfabbeE");
  EXPECT_NE(log().find(" at step 2; batch skipped"), std::string::npos);
  EXPECT_EQ(checkpoints(), (Steps{2, 5, 6}));
}

TEST_F(TrainerTest, SkippedGradientLeavesNothingBehind) {
  FakeTask clean(3);
  clean.nan_batches = {2};
  FakeTask poisoned(3);
  poisoned.nan_gradients = {2};
  config_.on_nan = "skip";
  train(clean);
  config_.checkpoint_path = (folder_ / "poisoned").string();
  train(poisoned);
  EXPECT_TRUE(std::isfinite(poisoned.weight()));
  EXPECT_EQ(poisoned.weight(), clean.weight());
}

TEST_F(TrainerTest, ManyFailuresWithoutProgressEndTheRun) {
  FakeTask task(100);
  for (int64_t batch = 3; batch < 40; ++batch) task.nan_batches.push_back(batch);
  config_.on_nan = "skip";
  EXPECT_NE(error_of(task).find(" at step 3, "), std::string::npos);
  EXPECT_EQ(task.calls,
            "bfabfa"
            "bfbfbfbfbfbfbfbfbfbf");
}

TEST_F(TrainerTest, RollbackGoesBackToTheLastCheckpointAndOnWithTheData) {
  FakeTask task(6);
  task.nan_batches = {4};
  config_.on_nan = "rollback";
  config_.checkpoint_interval = 2;
  std::vector<double> weights;
  task.during_batch = [&] { weights.push_back(task.weight()); };
  EXPECT_EQ(train(task, {.total_steps = 5, .total_iterations = 1}), TrainOutcome::finished);
  ASSERT_EQ(weights.size(), 6U);  // steps 1, 2, 3, NaN, then 3 and 4 anew
  EXPECT_EQ(weights[4], weights[2]) << "the weights of step 2 again";
  EXPECT_NE(weights[3], weights[2]);
  EXPECT_NE(log().find("rolled back to step 2; the data goes on behind the failed batch"), std::string::npos);
  EXPECT_EQ(task.carry(), 4);
  EXPECT_EQ(checkpoints(), (Steps{2, 4}));
}

// Between the checkpoint and the failure all steps are good: their success must not count as progress.
TEST_F(TrainerTest, RollbackThatRunsIntoTheSameWallGivesUp) {
  FakeTask task(1000);
  config_.on_nan = "rollback";
  config_.checkpoint_interval = 1000;
  config_.resume = "never";
  FakeTask first(2);
  train(first, {.total_steps = 2, .total_iterations = 1});
  config_.resume = "auto";
  for (int64_t batch = 5; batch < 1000; batch += 3) task.nan_batches.push_back(batch);  // every third is bad
  const std::string error = [&] {
    try {
      train(task, {.total_steps = 500, .total_iterations = 2});
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  }();
  EXPECT_NE(error.find(" at step 5, "), std::string::npos) << error;
}

TEST_F(TrainerTest, RollbackWithoutACheckpointIsAnError) {
  FakeTask task(6);
  task.nan_batches = {2};
  config_.on_nan = "rollback";
  EXPECT_NE(error_of(task).find("step 2 is not finite and there is no checkpoint to go back to"), std::string::npos);
}

// A checkpoint of an earlier run in the same folder is not ours to go back to.
TEST_F(TrainerTest, RollbackNeverTakesAnotherRunsCheckpoint) {
  FakeTask earlier(6);
  train(earlier, {.total_steps = 6, .total_iterations = 1});
  config_.resume = "never";
  config_.on_nan = "rollback";
  FakeTask task(6);
  task.nan_batches = {2};
  EXPECT_NE(error_of(task).find("there is no checkpoint to go back to"), std::string::npos);
  EXPECT_EQ(checkpoints(), (Steps{6}));
}

TEST_F(TrainerTest, BestIsTheLargestScoreOrTheSmallestLoss) {
  config_.keep_checkpoints = 1;
  for (const auto& [metric, best] : {std::pair("score", 4), std::pair("loss", 2)}) {
    config_.best_metric = metric;
    config_.checkpoint_path = (folder_ / metric).string();
    FakeTask task(2);
    task.scores = {0.1, 0.9, 0.5, std::nan(""), 0.5};
    train(task, {.total_steps = 10, .total_iterations = 5});
    Steps steps;
    for (const FoundCheckpoint& found : scan_checkpoints(folder_ / metric)) steps.push_back(found.step);
    EXPECT_EQ(steps, (Steps{10, best})) << metric;
  }
}

TEST_F(TrainerTest, EarlyStopCountsEvaluationsSinceTheBest) {
  config_.best_metric = "score";
  config_.early_stop = 2;
  FakeTask task(1);
  task.scores = {0.1, 0.3, 0.2, 0.4, 0.4, std::nan(""), 0.9};
  EXPECT_EQ(train(task, {.total_steps = 20, .total_iterations = 20}), TrainOutcome::early_stop);
  EXPECT_EQ(task.evaluated_weights.size(), 6U);
  EXPECT_NE(log().find("stopped early: no better score at step 6 of 20"), std::string::npos);
}

TEST_F(TrainerTest, ALossIsBetterWhenItIsSmallerAndNaNIsNeverTheBest) {
  config_.best_metric = "loss";
  config_.early_stop = 2;
  FakeTask task(1);
  task.scores = {std::nan(""), 0.5, 0.4, 0.6, 0.7, 0.1};
  EXPECT_EQ(train(task, {.total_steps = 20, .total_iterations = 20}), TrainOutcome::early_stop);
  EXPECT_EQ(task.evaluated_weights.size(), 5U);
}

TEST_F(TrainerTest, CountersOfAnotherProgramAreRefused) {
  FakeTask task(2);
  train(task);
  EXPECT_THROW((void)parse_run_state({{"step", 3}}, "step_3"), Error);
  EXPECT_THROW((void)parse_run_state({{"step", "three"}}, "step_3"), Error);
  const RunState state{.step = 3, .iteration = 1, .evaluation_due = true, .best = 0.5, .evaluations_without_best = 2};
  const RunState back = parse_run_state(to_json(state), "");
  EXPECT_EQ(to_json(back), to_json(state));
  EXPECT_EQ(back.best, 0.5);
}

}  // namespace
}  // namespace tern::test
