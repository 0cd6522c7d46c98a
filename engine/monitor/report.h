// report.html: one self-contained page about a run. No script, nothing loaded from elsewhere, light and dark.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/monitor/chart.h"
#include "engine/monitor/history.h"
#include "engine/monitor/machine.h"
#include "engine/monitor/puzzle_picture.h"

namespace tern {

struct ReportContent {
  std::string title = {};
  std::string status = {};  // "running", "finished", "stopped by SIGTERM", "diverged at step 120"
  int64_t total_steps = 0;
  std::string best_metric = {};  // empty: best_value picks one
  History history = {};
  std::vector<PuzzlePicture> pictures = {};
  std::string config_yaml = {};
  MachineInfo machine = {};
  uint64_t peak_memory_bytes = 0;  // of the process that writes the report
  int64_t written_at = 0;          // seconds since 1970
};

// The whole page. Every text of the content is escaped.
[[nodiscard]] std::string report_html(const ReportContent& content);

// The page's charts in their order: one per metric, with the training curve ("train/accuracy") and the evaluations'
// points ("all/accuracy") together, pass@K of an evaluator in one, then learning rate, throughput and memory.
[[nodiscard]] std::vector<Chart> report_charts(const History& history);

// The page's style sheet.
[[nodiscard]] const char* report_style();

}  // namespace tern
