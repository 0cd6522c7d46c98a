#include "engine/monitor/run_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <fstream>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "engine/monitor/append_file.h"
#include "engine/monitor/history.h"
#include "engine/monitor/metrics_log.h"
#include "engine/monitor/progress.h"
#include "engine/monitor/report.h"
#include "engine/monitor/tensorboard.h"
#include "engine/monitor/text.h"

namespace tern {

namespace {

using Clock = std::chrono::steady_clock;

// Sums since the last log line.
struct Interval {
  int64_t steps = 0, examples = 0;
  double seconds = 0;
};

RunLogOptions prepared(RunLogOptions options) {
  std::error_code error;
  std::filesystem::create_directories(options.run_dir, error);
  if (error) throw Error(ErrorKind::data, "make folder failed: " + error.message(), options.run_dir);
  if (!options.machine) options.machine = machine_info();
  options.title = printable(options.title);
  return options;
}

// Replaces a file so that readers see the old or the new one. Doesn't wait for the disk, which may be busy with a
// checkpoint: what is written here can be made again. Returns what went wrong, or nothing.
std::string replace_file(const std::filesystem::path& path, const std::string& content) {
  const std::filesystem::path temporary = path.string() + ".tmp";
  errno = 0;
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (file && ::rename(temporary.c_str(), path.c_str()) == 0) return "";
  std::string reason = errno != 0 ? std::strerror(errno) : "write failed";
  ::unlink(temporary.c_str());
  return reason;
}

// Markdown shows text indented by four blanks as it is.
std::string as_markdown_code(const std::string& text) {
  std::string indented = "    ";
  for (const char c : text) {
    indented += c;
    if (c == '\n') indented += "    ";
  }
  return indented;
}

double shown_loss(const StepReport& report, const StepDisplay& display) {
  for (const auto& [name, value] : report.metrics) {
    if (name == display.loss) return value;
  }
  return report.loss;
}

std::optional<double> mfu_of(double examples_per_second, const StepDisplay& display) {
  if (display.peak_flops <= 0) return std::nullopt;
  return examples_per_second * display.flops_per_example / display.peak_flops;
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace

class RunLog::Impl {
 public:
  explicit Impl(RunLogOptions options)
      : options_(prepared(std::move(options))),
        messages_(options_.run_dir / "run.log", AppendFile::Sharing::shared),
        metrics_(options_.run_dir / "metrics.jsonl", options_.resume_step),
        events_(options_.run_dir, options_.resume_step > 0 ? options_.resume_step + 1 : 0),
        bar_({.label = "Train",
              .total = options_.total_steps,
              .unit = "steps",
              .start = options_.resume_step,
              .plain_lines = false,
              .fd = options_.fd,
              .is_terminal = options_.is_terminal}) {
    if (metrics_.broken_lines() > 0) {
      say(fmt::format("metrics.jsonl: {} unreadable lines removed", metrics_.broken_lines()));
    }
    load_history();
    load_pictures();
    note(events_.text(0, "config", as_markdown_code(options_.config_yaml)), events_.file(), events_complained_);
    write_report();
  }

  void step(StepReport report) {
    if (report.memory_bytes == 0) report.memory_bytes = resident_bytes();
    const std::lock_guard lock(mutex_);
    history_.add(report);
    note(metrics_.append(report), metrics_.file(), metrics_complained_);
    note(events_.scalars(report.step, event_values(report, options_.display)), events_.file(), events_complained_);
    show(report);
    write_report_if_due();
  }

  void eval(const EvalReport& report) {
    const std::lock_guard lock(mutex_);
    say(eval_line(report));
    bar_.skip_time();
    if (!history_.evals().empty() && history_.evals().back().step == report.step) return;
    history_.add(report);
    note(metrics_.append(report), metrics_.file(), metrics_complained_);
    note(events_.scalars(report.step, report.metrics), events_.file(), events_complained_);
    write_report_if_due();
  }

  void pictures(std::vector<PuzzlePicture> pictures) {
    const std::lock_guard lock(mutex_);
    pictures_ = std::move(pictures);
    write_beside("puzzles.json", pictures_to_json(pictures_));
    write_report_if_due();
  }

  void message(std::string_view text) { say(text); }

  void hide_progress() {
    const std::lock_guard lock(mutex_);
    bar_.hide();
    paused_ = true;
  }

  void rewind(int64_t step) {
    const std::lock_guard lock(mutex_);
    try {
      metrics_.rewind(step);
    } catch (const Error& error) {
      say(fmt::format("metrics.jsonl keeps rows beyond step {}: {}", step, error.what()));
    }
    note(events_.restart(step + 1), events_.file(), events_complained_);
    load_history();
    bar_.update(step);
    bar_.skip_time();
    interval_ = {};
  }

  void sync() {
    int descriptor = -1;
    {
      const std::lock_guard lock(mutex_);
      flush();
      descriptor = metrics_.file().duplicate();
      write_report_if_due();
    }
    if (descriptor < 0) return;
    if (::fsync(descriptor) != 0) say(fmt::format("warning: metrics.jsonl: {}", std::strerror(errno)));
    ::close(descriptor);
  }

  void finish(std::string_view status) {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    status_ = status;
    bar_.finish();
    note(metrics_.sync(), metrics_.file(), metrics_complained_);
    flush();
    write_report();
  }

 private:
  void say(std::string_view text) {
    const std::string line = printable(text);
    bar_.message(line);
    const std::lock_guard lock(messages_mutex_);
    messages_.append(fmt::format("{} {}\n", utc_now(), line));  // what doesn't fit waits in memory
  }

  // Says once that a file can't be written, and once that it can again.
  void note(bool written, const AppendFile& file, bool& complained) {
    if (written == !complained) return;
    complained = !written;
    const std::string name = file.path().filename();
    if (!written) {
      say(fmt::format("warning: {}: {}; training goes on, rows wait in memory until there is room", name,
                      file.reason()));
    } else if (file.lost_bytes() > 0) {
      say(fmt::format("{}: written again, but {} that waited too long are lost", name, bytes_text(file.lost_bytes())));
    } else {
      say(fmt::format("{}: written again, nothing is lost", name));
    }
  }

  void flush() {
    note(metrics_.flush(), metrics_.file(), metrics_complained_);
    note(events_.flush(), events_.file(), events_complained_);
  }

  void load_history() {
    history_ = {};
    read_metrics(metrics_.file().path(),
                 [&](const MetricsRow& row) { std::visit([&](const auto& r) { history_.add(r); }, row); });
  }

  void load_pictures() {
    const std::filesystem::path path = options_.run_dir / "puzzles.json";
    if (options_.resume_step == 0 || !std::filesystem::exists(path)) return;
    try {
      pictures_ = pictures_from_json(read_file(path), path);
    } catch (const Error& error) {
      say(fmt::format("warning: {}; the report shows no puzzles until the next evaluation", error.what()));
    }
  }

  static NamedValues event_values(const StepReport& report, const StepDisplay& display) {
    NamedValues values = report.metrics;
    values.emplace_back("train/loss", report.loss);
    values.emplace_back("train/lr", report.lr);
    if (report.seconds > 0) {
      values.emplace_back("timing/examples_per_second", static_cast<double>(report.examples) / report.seconds);
      values.emplace_back("timing/seconds_per_step", report.seconds);
      const double examples = static_cast<double>(report.examples) / report.seconds;
      if (display.unit != "ex") {
        values.emplace_back("timing/" + display.unit + "_per_second", examples * display.units_per_example);
      }
      if (const auto mfu = mfu_of(examples, display)) values.emplace_back("timing/mfu", *mfu);
    }
    values.emplace_back("timing/memory_gb", static_cast<double>(report.memory_bytes) / 1e9);
    return values;
  }

  void show(const StepReport& report) {
    const double loss = shown_loss(report, options_.display);
    bar_.set_note(bar_note(report, loss));
    bar_.update(report.step);
    if (std::exchange(paused_, false)) bar_.skip_time();
    interval_.steps += 1;
    interval_.examples += report.examples;
    interval_.seconds += report.seconds;
    pace_.add(1, report.seconds);
    const bool due = options_.log_interval <= 1 || report.step % options_.log_interval == 0;
    if (bar_.is_terminal() || !(due || report.step == options_.total_steps)) return;
    const StepDisplay& display = options_.display;
    const double examples = interval_.seconds > 0 ? static_cast<double>(interval_.examples) / interval_.seconds : 0;
    LogLine line{.step = report.step,
                 .loss = loss,
                 .lr = report.lr,
                 .rate = examples * display.units_per_example,
                 .seconds_per_step = interval_.seconds / static_cast<double>(interval_.steps),
                 .memory_bytes = report.memory_bytes,
                 .unit = display.unit,
                 .mfu = mfu_of(examples, display)};
    if (display.eta) {
      line.seconds_left = static_cast<double>(options_.total_steps - report.step) / pace_.per_second();
    }
    bar_.message(log_line(line));
    interval_ = {};
  }

  // On a terminal there are no log lines, so the bar tells their most important part.
  [[nodiscard]] std::string bar_note(const StepReport& report, double loss) const {
    const StepDisplay& display = options_.display;
    std::string text = fmt::format("loss {:.4f}", loss);
    if (report.seconds <= 0) return text;
    const double examples = static_cast<double>(report.examples) / report.seconds;
    if (display.unit != "ex") {
      text += fmt::format(", {} {}/s", rate_text(examples * display.units_per_example), display.unit);
    }
    if (const auto mfu = mfu_of(examples, display)) text += fmt::format(", MFU {:.1f}%", 100 * *mfu);
    return text;
  }

  void write_report_if_due() {
    if (Clock::now() - reported_at_ >= std::chrono::duration<double>(options_.report_interval)) write_report();
  }

  void write_report() {
    reported_at_ = Clock::now();
    write_beside("report.html", report_html({.title = options_.title,
                                             .status = status_,
                                             .total_steps = options_.total_steps,
                                             .best_metric = options_.best_metric,
                                             .history = history_,
                                             .pictures = pictures_,
                                             .config_yaml = options_.config_yaml,
                                             .machine = *options_.machine,
                                             .peak_memory_bytes = peak_resident_bytes(),
                                             .written_at = std::time(nullptr)}));
  }

  void write_beside(const char* name, const std::string& content) {
    const std::string trouble = replace_file(options_.run_dir / name, content);
    if (trouble.empty()) {
      write_complained_ = false;
    } else if (!std::exchange(write_complained_, true)) {
      say(fmt::format("warning: {}: {}; training goes on", name, trouble));
    }
  }

  const RunLogOptions options_;
  std::mutex messages_mutex_;
  AppendFile messages_;
  std::mutex mutex_;  // guards what follows; the bar has its own
  MetricsLog metrics_;
  EventWriter events_;
  ProgressBar bar_;
  History history_;
  std::vector<PuzzlePicture> pictures_;
  std::string status_ = "running";
  Interval interval_;
  RateEstimate pace_;  // steps per second of training time, for the ETA
  Clock::time_point reported_at_;
  bool paused_ = false;
  bool finished_ = false;
  bool metrics_complained_ = false, events_complained_ = false, write_complained_ = false;
};

RunLog::RunLog(RunLogOptions options) : impl_(options.silent ? nullptr : std::make_unique<Impl>(std::move(options))) {}

RunLog::~RunLog() {
  try {
    if (impl_) impl_->finish("stopped early");
  } catch (const std::exception&) {
    // Out of memory while the process is going down: the page stays as it was.
  }
}

void RunLog::step(const StepReport& report) {
  if (impl_) impl_->step(report);
}
void RunLog::eval(const EvalReport& report) {
  if (impl_) impl_->eval(report);
}
void RunLog::pictures(std::vector<PuzzlePicture> pictures) {
  if (impl_) impl_->pictures(std::move(pictures));
}
void RunLog::message(std::string_view text) {
  if (impl_) impl_->message(text);
}
void RunLog::hide_progress() {
  if (impl_) impl_->hide_progress();
}
void RunLog::rewind(int64_t step) {
  if (impl_) impl_->rewind(step);
}
void RunLog::sync() {
  if (impl_) impl_->sync();
}
void RunLog::finish(std::string_view status) {
  if (impl_) impl_->finish(status);
}

std::string log_line(const LogLine& line) {
  std::string text =
      fmt::format("Step {} | Loss: {:.4f} | LR: {:.1e} | {} {}/s | {} s/step | mem {}", line.step, line.loss, line.lr,
                  rate_text(line.rate), line.unit, rate_text(line.seconds_per_step), bytes_text(line.memory_bytes));
  if (line.mfu) text += fmt::format(" | MFU {:.1f}%", 100 * *line.mfu);
  if (line.seconds_left) text += " | ETA " + duration_text(*line.seconds_left);
  return text;
}

std::string eval_line(const EvalReport& report) {
  std::string line = fmt::format("Eval {}", report.step);
  for (const auto& [name, value] : report.metrics) line += fmt::format(" | {}: {:.4f}", name, value);
  return line + fmt::format(" | {:.1f} s", report.seconds);
}

}  // namespace tern
