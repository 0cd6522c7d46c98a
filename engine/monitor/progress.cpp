#include "engine/monitor/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

#include "engine/monitor/text.h"

namespace tern {

namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kLineMinSeconds = 2;   // between two plain lines
constexpr double kLineMaxSeconds = 30;  // a plain line at least this often
constexpr double kRateSeconds = 30;     // time constant of the rate
constexpr size_t kMinBar = 10, kMaxBar = 40;
constexpr std::string_view kClearToEnd = "\x1b[K";

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

size_t terminal_columns(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool locale_is_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    return locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos;
  }
  return false;
}

// One write per redraw: the terminal never shows half a line.
void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

double fraction(const ProgressState& s) {
  return std::clamp(static_cast<double>(s.done) / static_cast<double>(s.total), 0.0, 1.0);
}

std::string percent_text(const ProgressState& s) {
  // Rounded down: 100% is said when all is done, not before.
  return fmt::format("{}%", static_cast<int>(std::floor(fraction(s) * 100)));
}

std::string count_text(const ProgressState& s) {
  std::string text = s.total > 0 ? fmt::format("{}/{}", s.done, s.total) : fmt::format("{}", s.done);
  if (!s.unit.empty()) text += " " + s.unit;
  return text;
}

std::string speed_text(const ProgressState& s) {
  if (s.rate <= 0) return "";
  return fmt::format(", {} {}/s", rate_text(s.rate), s.unit.empty() ? "it" : s.unit);
}

// Remaining time while there is some, the time it took afterwards.
std::string time_text(const ProgressState& s) {
  if (s.total > 0 && s.done >= s.total) return ", took " + duration_text(s.elapsed);
  if (s.total <= 0) return ", " + duration_text(s.elapsed);
  if (s.rate <= 0) return "";
  return ", ETA " + duration_text(static_cast<double>(s.total - s.done) / s.rate);
}

std::string note_text(const ProgressState& s) {
  return s.note.empty() ? "" : ", " + s.note;
}

std::string bar_text(double done, size_t cells, bool unicode) {
  constexpr std::array eighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto filled_eighths = static_cast<size_t>(std::floor(done * static_cast<double>(cells) * 8));
  const size_t full = filled_eighths / 8, rest = unicode ? filled_eighths % 8 : 0;
  std::string text = "|";
  for (size_t i = 0; i < full; ++i) text += unicode ? "█" : "#";
  text += eighths[rest];
  text.append(cells - full - (rest > 0 ? 1 : 0), ' ');
  return text + "|";
}

}  // namespace

std::string progress_line(const ProgressState& s, size_t columns, bool unicode) {
  const std::string label = s.label.empty() ? "" : s.label + "  ";
  const std::string percent = s.total > 0 ? fmt::format("{:>4} ", percent_text(s)) : "";
  const std::string count = count_text(s), time = time_text(s);
  const std::string all = count + speed_text(s) + time + note_text(s);
  constexpr size_t kBarFrame = 3;  // two edges and the blank after them
  const size_t used = display_width(label) + percent.size() + display_width(all) + kBarFrame;
  if (s.total > 0 && used + kMinBar <= columns) {
    return label + percent + bar_text(fraction(s), std::min(kMaxBar, columns - used), unicode) + " " + all;
  }
  const std::array<std::string, 5> shorter = {label + percent + all, label + percent + count + time + note_text(s),
                                              label + percent + count + time, percent + count + time, percent + count};
  for (const std::string& line : shorter) {
    if (display_width(line) <= columns) return line;
  }
  return std::string(truncate_to_width(shorter.back(), columns));
}

std::string progress_plain_line(const ProgressState& s) {
  const std::string label = s.label.empty() ? "" : s.label + ": ";
  const std::string percent = s.total > 0 ? fmt::format(" ({})", percent_text(s)) : "";
  return label + count_text(s) + percent + speed_text(s) + time_text(s) + note_text(s);
}

bool can_redraw(int fd) {
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

void RateEstimate::add(double units, double seconds) {
  if (!(seconds > 0)) return;
  const double keep = std::exp(-seconds / kRateSeconds);
  units_ = units_ * keep + units;
  seconds_ = seconds_ * keep + seconds;
}

ProgressBar::ProgressBar(ProgressOptions options)
    : options_(std::move(options)),
      is_terminal_(options_.is_terminal.value_or(can_redraw(options_.fd))),
      unicode_(locale_is_unicode()),
      clock_(options_.clock ? options_.clock : steady_seconds),
      done_(options_.start),
      next_draw_(0),
      start_time_(clock_()),
      measured_at_(start_time_),
      measured_done_(options_.start),
      last_line_at_(start_time_),
      last_line_tenth_(tenth(options_.start)) {
  draw_if_due();
}

ProgressBar::~ProgressBar() {
  const std::lock_guard lock(mutex_);
  if (visible_) write_all(options_.fd, "\n");
}

void ProgressBar::add(int64_t units) {
  done_.fetch_add(units, std::memory_order_relaxed);
  draw_if_due();
}

void ProgressBar::update(int64_t done) {
  done_.store(done, std::memory_order_relaxed);
  draw_if_due();
}

void ProgressBar::set_note(const std::string& note) {
  const std::lock_guard lock(mutex_);
  note_ = printable(note);
}

void ProgressBar::message(std::string_view text) {
  const std::lock_guard lock(mutex_);
  // Written over the bar, which is then drawn anew below: nothing blinks.
  write_all(options_.fd, visible_ ? fmt::format("\r{}{}\n", text, kClearToEnd) : fmt::format("{}\n", text));
  if (visible_) draw(clock_());
}

void ProgressBar::skip_time() {
  const std::lock_guard lock(mutex_);
  measured_at_ = clock_();
  measured_done_ = done_.load(std::memory_order_relaxed);
}

void ProgressBar::hide() {
  const std::lock_guard lock(mutex_);
  erase();
}

void ProgressBar::finish() {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  if (options_.quiet) return;
  const double now = clock_();
  measure(now);
  if (is_terminal_) {
    draw(now);
    write_all(options_.fd, "\n");
    visible_ = false;
  } else if (options_.plain_lines) {
    write_all(options_.fd, progress_plain_line(state(now)) + "\n");
  }
}

// The common case, a call between two draws, costs a clock and an atomic load.
void ProgressBar::draw_if_due() {
  if (options_.quiet) return;
  const double now = clock_();
  if (now < next_draw_.load(std::memory_order_relaxed)) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || finished_) return;  // somebody else is drawing this very moment
  measure(now);
  next_draw_ = now + kRedrawSeconds;
  if (is_terminal_) {
    draw(now);
  } else if (options_.plain_lines) {
    print_if_due(now);
  }
}

void ProgressBar::draw(double now) {
  // The last column stays free: some terminals wrap as soon as it is written.
  const size_t columns = terminal_columns(options_.fd);
  const std::string line = progress_line(state(now), columns > 1 ? columns - 1 : 1, unicode_);
  write_all(options_.fd, fmt::format("\r{}{}", line, kClearToEnd));
  visible_ = true;
}

void ProgressBar::print_if_due(double now) {
  const int64_t done = done_.load(std::memory_order_relaxed);
  if (options_.total > 0 && done >= options_.total) return;  // finish says it
  const int64_t done_tenth = tenth(done);
  if (now < last_line_at_ + kLineMinSeconds) return;
  if (done_tenth <= last_line_tenth_ && now < last_line_at_ + kLineMaxSeconds) return;
  write_all(options_.fd, progress_plain_line(state(now)) + "\n");
  last_line_at_ = now;
  last_line_tenth_ = done_tenth;
}

void ProgressBar::measure(double now) {
  const int64_t done = done_.load(std::memory_order_relaxed);
  // Work may be taken back (training that goes back to a checkpoint): that isn't negative speed.
  rate_.add(static_cast<double>(std::max<int64_t>(0, done - measured_done_)), now - measured_at_);
  measured_at_ = now;
  measured_done_ = done;
}

void ProgressBar::erase() {
  if (visible_) write_all(options_.fd, fmt::format("\r{}", kClearToEnd));
  visible_ = false;
}

int64_t ProgressBar::tenth(int64_t done) const {
  return options_.total > 0 ? done * 10 / options_.total : 0;
}

ProgressState ProgressBar::state(double now) const {
  return {.label = options_.label,
          .unit = options_.unit,
          .done = done_.load(std::memory_order_relaxed),
          .total = options_.total,
          .rate = rate_.per_second(),
          .elapsed = now - start_time_,
          .note = note_};
}

}  // namespace tern
