// metrics.jsonl: one JSON object per step and per evaluation.
//
//   {"kind":"step","step":120,"loss":1.8342,"lr":0.0001,"examples":768,"metrics":{"train/lm_loss":1.2},
//    "timing":{"seconds":0.94,"examples_per_second":817.0,"memory_bytes":3100000000}}
//   {"kind":"eval","step":120,"metrics":{"all/exact_accuracy":0.42},"timing":{"seconds":12.3}}
//
// Numbers are printed so that reading gives the same bits back; NaN and infinities are the strings "NaN", "Infinity"
// and "-Infinity". Everything outside "timing" is the same in two equal runs, and in a run that was killed and resumed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "engine/monitor/append_file.h"
#include "engine/monitor/records.h"

namespace tern {

using MetricsRow = std::variant<StepReport, EvalReport>;

// One line of the file, with its line end.
[[nodiscard]] std::string metrics_line(const MetricsRow& row);

enum class LineKind { step, eval, foreign, broken };

// Reads one line. foreign: valid JSON of another kind, row is untouched.
[[nodiscard]] LineKind parse_metrics_line(std::string_view line, MetricsRow& row);

using RowVisitor = std::function<void(const MetricsRow&)>;

// Calls visit for each row of the file in order; lines that aren't rows are skipped. Throws Error(data) when the file
// can't be read.
void read_metrics(const std::filesystem::path& path, const RowVisitor& visit);

struct RewindResult {
  bool rewritten = false;    // another file now has this name
  int64_t broken_lines = 0;  // removed from the middle of the file, which no kill explains
};

// Rows beyond `step` and broken lines (a killed process may leave half a line at the end) are removed by an atomic
// rewrite; a file without any is left alone. When step is 0 and rows go, the old file is kept beside as
// metrics.previous.jsonl. Throws Error(data).
RewindResult rewind_metrics(const std::filesystem::path& path, int64_t step);

// The file, open for appending. Not thread-safe.
class MetricsLog {
 public:
  // Rewinds the file to resume_step. Throws Error(data) when it can't be opened or another process appends to it.
  MetricsLog(std::filesystem::path path, int64_t resume_step);

  // Returns whether all rows so far are in the file; otherwise file().reason() says why, and they wait.
  bool append(const MetricsRow& row);
  // Throws Error(data) when there is no room for the rewrite; the file is then as before.
  void rewind(int64_t step);
  bool flush() { return file_.flush(); }
  bool sync() { return file_.sync(); }

  [[nodiscard]] const AppendFile& file() const { return file_; }
  [[nodiscard]] int64_t broken_lines() const { return broken_lines_; }

 private:
  AppendFile file_;
  int64_t broken_lines_ = 0;
};

}  // namespace tern
