// A made-up run with everything a report can show: noisy falling losses, evaluations, puzzles of each style.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/monitor/run_log.h"

namespace tern::sample {

struct SampleRun {
  std::filesystem::path folder = {};
  std::string title = "arc1concept-small";
  int64_t steps = 4000;  // logged by this process
  int64_t total_steps = 5000;
  int64_t eval_interval = 500;
  std::string status = "finished";
};

[[nodiscard]] StepReport step_report(int64_t step);
[[nodiscard]] EvalReport eval_report(int64_t step);
[[nodiscard]] std::vector<PuzzlePicture> pictures();
[[nodiscard]] RunLogOptions options(const SampleRun& run, int fd);

// Logs the whole run; messages go to fd.
void log_run(const SampleRun& run, int fd);

}  // namespace tern::sample
