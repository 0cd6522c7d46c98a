// The training loop. Read Trainer::run, then Trainer::train_step, in trainer.cpp; trainer_checkpoint.cpp has how a run
// is taken up, saved and put back.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/checkpoint/snapshot.h"
#include "engine/checkpoint/writer.h"
#include "engine/distributed/process_group.h"
#include "engine/monitor/run_log.h"
#include "engine/optim/optimizer.h"
#include "engine/train/run_state.h"
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
  // config, task, group: must outlive the trainer. resolved_yaml goes into checkpoints and the report. group: the
  // processes of the job, each with a trainer; null: there is one.
  Trainer(const TrainConfig& config, const TrainPlan& plan, Task& task, std::string resolved_yaml,
          ProcessGroup* group = nullptr);
  ~Trainer();

  // Resumes if there is something to resume, trains to the end of the plan or until it is told to stop, and leaves a
  // checkpoint in every case. Throws Error(diverged) when on_nan says to stop, and Error(checkpoint) when the last
  // checkpoint can't be written; older checkpoints stay as they are. Several processes stop at the same step, whichever
  // of them was told to; rank 0 alone talks and writes, except for the other ranks' parts of checkpoints.
  TrainOutcome run();

  [[nodiscard]] int64_t step() const { return state_.step; }

 private:
  // The loop's parts, in trainer.cpp.
  [[nodiscard]] std::optional<TrainOutcome> reason_to_stop();
  void train_next_batch();
  [[nodiscard]] bool train_step();
  void apply_gradients(std::optional<SparseRows> rows);
  [[nodiscard]] double learning_rate(double base) const;
  void finish_iteration();
  [[nodiscard]] bool evaluate();
  void note_best(const NamedValues& metrics);
  void handle_non_finite(double loss, double grad_norm);
  [[nodiscard]] TrainOutcome finish(TrainOutcome outcome);

  // Checkpoints, in trainer_checkpoint.cpp.
  void start();
  void resume(std::vector<std::string>& messages);
  [[nodiscard]] std::string find_checkpoint(std::vector<std::string>& messages);
  [[nodiscard]] Snapshot load(const std::filesystem::path& folder, std::vector<std::string>& messages) const;
  void share_weights();
  void open_run_folder();
  void restore(const Snapshot& snapshot, bool keep_position);
  void save();
  [[nodiscard]] Snapshot snapshot();
  void save_what_is_unsaved();
  void rollback();
  [[noreturn]] void diverged(const std::string& what);
  [[nodiscard]] std::string run_dir() const { return config_.checkpoint_path.value(); }
  [[nodiscard]] bool is_done() const { return state_.iteration >= plan_.total_iterations; }

  const TrainConfig& config_;
  const TrainPlan plan_;
  Task& task_;
  const std::string resolved_yaml_;
  ProcessGroup alone_;
  ProcessGroup& group_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();

  std::unique_ptr<Optimizer> optimizer_;  // null: the weights are frozen
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<CheckpointWriter> writer_;

  RunState state_;
  bool saved_ = false;                                 // nothing happened since the last save or load
  std::optional<std::filesystem::path> resumed_from_;  // a rollback goes here until there is a save
  int64_t failures_ = 0;                               // not finite, since failed_step_ was last passed
  int64_t failed_step_ = 0;                            // the furthest step that was not finite
};

}  // namespace tern
