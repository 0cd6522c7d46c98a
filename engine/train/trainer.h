// The training loop. Read Trainer::run, then Trainer::train_step.
#pragma once

#include <chrono>
#include <map>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "engine/checkpoint/snapshot.h"
#include "engine/checkpoint/writer.h"
#include "engine/monitor/run_log.h"
#include "engine/optim/adam_atan2_optimizer.h"
#include "engine/train/task.h"
#include "engine/train/train_config.h"

namespace tern {

struct TrainPlan {
  int64_t total_steps = 0;
  int64_t total_iterations = 0;  // an iteration is eval_interval epochs, followed by an evaluation
};

enum class TrainOutcome { finished, stopped_by_signal, time_limit, early_stop };

class Trainer {
 public:
  // config, task: must outlive the trainer. resolved_yaml goes into checkpoints and the report.
  Trainer(const TrainConfig& config, const TrainPlan& plan, Task& task, std::string resolved_yaml);
  ~Trainer();

  // Resumes if there is something to resume, trains to the end of the plan or until it is told to stop, and leaves a
  // checkpoint in every case. Throws Error(diverged) when on_nan says to stop; the checkpoints on disk stay as they are.
  TrainOutcome run();

  [[nodiscard]] int64_t step() const { return step_; }

 private:
  void resume();
  void restore(const Snapshot& snapshot, bool keep_position);
  // False: the iteration's data is used up, or the plan's steps are done.
  [[nodiscard]] bool train_step();
  void apply_gradients();
  void handle_non_finite(double loss, double grad_norm);
  void rollback();
  // False when a stop signal cut it short.
  [[nodiscard]] bool evaluate();
  void note_best(const NamedValues& metrics);
  void save();
  [[nodiscard]] std::optional<TrainOutcome> should_stop() const;
  [[nodiscard]] TrainOutcome finish(TrainOutcome outcome);
  [[nodiscard]] double dense_lr() const;
  [[nodiscard]] std::string run_dir() const { return config_.checkpoint_path.value(); }

  const TrainConfig& config_;
  const TrainPlan plan_;
  Task& task_;
  const std::string resolved_yaml_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();

  std::unique_ptr<AdamATan2Optimizer> optimizer_;  // null: weights are frozen
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<CheckpointWriter> writer_;

  // What a checkpoint's counters hold, beside the task's.
  int64_t step_ = 0;
  int64_t iteration_ = 0;
  bool evaluation_due_ = false;  // the iteration's training is over, its evaluation isn't
  std::optional<double> best_;
  int64_t evaluations_without_best_ = 0;

  std::map<std::string, double> last_metrics_;  // of an evaluation at step_, for the manifest
  int64_t failures_in_a_row_ = 0;
};

}  // namespace tern
