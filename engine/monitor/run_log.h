// Everything a person sees of one training run, behind one object: the log line or the progress bar, metrics.jsonl,
// TensorBoard events, report.html and run.log (every message, with its time) in the run folder.
//
//   RunLog log({.run_dir = dir, .title = run_name, .total_steps = total, .resume_step = state.step,
//               .config_yaml = yaml});
//   log.step({.step = 1, .loss = 1.8, .lr = 1e-4, .examples = 768, .metrics = {{"train/lm_loss", 1.2}}, .seconds =
//   0.9}); log.eval({.step = 100, .metrics = {{"all/exact_accuracy", 0.31}}, .seconds = 12}); log.message("checkpoint
//   written: step_100"); log.finish("finished");
//
// Only rank 0's says and writes anything. All calls may come from any thread (the checkpoint writer sends messages).
// After construction nothing here throws on account of the disk: a full disk costs one message, and rows of
// metrics.jsonl wait in memory until there is room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/monitor/machine.h"
#include "engine/monitor/puzzle_picture.h"
#include "engine/monitor/records.h"

namespace tern {

struct RunLogOptions {
  bool silent = false;                 // of a rank other than 0: every call does nothing
  std::filesystem::path run_dir = {};  // made when missing
  std::string title = {};              // run name
  int64_t total_steps = 0;
  int64_t resume_step = 0;  // step of the checkpoint this process continues; rows beyond it are dropped
  std::string config_yaml = {};
  int64_t log_interval = 1;  // steps between log lines, when there is no terminal
  StepDisplay display = {};
  std::string best_metric = {};  // shown on top of the report; empty: pass@2 or exact_accuracy, where there is one
  std::optional<MachineInfo> machine = {};  // default: machine_info()
  double report_interval = 30;              // seconds; report.html isn't rewritten more often, except at the end
  int fd = 2;
  std::optional<bool> is_terminal = {};  // default: whether fd is one
};

class RunLog {
 public:
  // Throws Error(data) when the run folder can't be written or another process is writing to it.
  explicit RunLog(RunLogOptions options);
  // Like finish("stopped early") unless finish was called.
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  void step(const StepReport& report);

  // An evaluation of a step that is on file already (resumed between an evaluation and the next step) isn't written
  // to metrics.jsonl twice.
  void eval(const EvalReport& report);

  // Puzzles for the report; replaces the earlier ones. Also kept in puzzles.json, for the report of a resumed run.
  void pictures(std::vector<PuzzlePicture> pictures);

  // One line for the person, above the progress bar.
  void message(std::string_view text);

  // Takes the progress bar off the terminal until the next step; for an evaluation with a bar of its own. The time
  // until then doesn't count for the ETA.
  void hide_progress();

  // Training goes back to `step` in this process (on_nan=rollback): rows beyond it are dropped.
  void rewind(int64_t step);

  // Makes the rows of metrics.jsonl so far durable, waiting for the disk without holding up other calls. Call it before
  // a checkpoint becomes visible (from the checkpoint writer's thread), so that after a power cut there is no
  // checkpoint whose history is missing. Also brings report.html up to date, at most every report_interval.
  void sync();

  // Last report, last flush. status is for people: "finished", "stopped by SIGTERM", "diverged at step 120".
  void finish(std::string_view status);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;  // null: silent
};

// What a log line says about the steps since the one before.
struct LogLine {
  int64_t step = 0;
  double loss = 0;
  double lr = 0;
  double rate = 0;  // units per second
  double seconds_per_step = 0;
  uint64_t memory_bytes = 0;
  std::string unit = "ex";
  std::optional<double> mfu = {};  // of 1
  std::optional<double> seconds_left = {};
};

// "Step 120 | Loss: 1.8342 | LR: 1.0e-04 | 812 ex/s | 0.94 s/step | mem 3.1 GB", then, where known, " | MFU 41.2%" and
// " | ETA 9:12".
[[nodiscard]] std::string log_line(const LogLine& line);

// "Eval 120 | all/exact_accuracy: 0.4213 | ARC/pass@2: 0.2500 | 12.3 s".
[[nodiscard]] std::string eval_line(const EvalReport& report);

}  // namespace tern
