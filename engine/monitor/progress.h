// A progress bar for anything that takes a while: one line redrawn in place on a terminal, now and then a plain line
// where the output is a file or a pipe.
//
//   ProgressBar bar({.label = "Augment", .total = 400, .unit = "puzzles"});
//   for (...) bar.add(1);
//   bar.finish();
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace tern {

// What a progress line is made of.
struct ProgressState {
  std::string label = {};
  std::string unit = {};  // plural noun: "steps"
  int64_t done = 0;
  int64_t total = 0;      // 0: unknown, then there is neither bar nor ETA
  double rate = 0;        // units per second; 0: not known yet
  double elapsed = 0;     // seconds
  std::string note = {};  // "loss 1.8342"
};

// Terminal line of at most `columns` columns. The bar takes the room that is left; where there is too little, the bar
// goes first, then the rate, the note and the label. unicode: block characters instead of '#'.
//   Train  42% |████████▍           | 420/1000 steps, 1.06 steps/s, ETA 9:12, loss 1.8342
[[nodiscard]] std::string progress_line(const ProgressState& state, size_t columns, bool unicode);

// The same facts without a bar, for logs: "Train: 420/1000 steps (42%), 1.06 steps/s, ETA 9:12, loss 1.8342".
[[nodiscard]] std::string progress_plain_line(const ProgressState& state);

// Whether fd is a terminal that can redraw a line (TERM=dumb can't).
[[nodiscard]] bool can_redraw(int fd);

// Rate of work over about the last half minute; until then over all time so far.
class RateEstimate {
 public:
  void add(double units, double seconds);
  [[nodiscard]] double per_second() const { return seconds_ > 0 ? units_ / seconds_ : 0; }

 private:
  double units_ = 0;
  double seconds_ = 0;
};

struct ProgressOptions {
  std::string label = {};
  int64_t total = 0;  // 0: unknown
  std::string unit = {};
  int64_t start = 0;        // already done before this process (resumed work); doesn't count for the rate
  bool quiet = false;       // draws nothing; messages are still printed
  bool plain_lines = true;  // without a terminal: print a line now and then; false: only messages
  int fd = 2;
  std::optional<bool> is_terminal = {};  // default: can_redraw(fd)
  std::function<double()> clock = {};    // seconds; default: the steady clock. For tests.
};

// Thread-safe: add, update and message may be called from any thread at any rate; drawing is throttled to ten times a
// second (terminal) or to each tenth of the work and each half minute, two seconds apart (otherwise). Write errors on
// fd are ignored: progress never fails a run.
class ProgressBar {
 public:
  explicit ProgressBar(ProgressOptions options);
  // Leaves the cursor on a fresh line when finish wasn't reached, so that an error message stands on its own.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // More work done.
  void add(int64_t units);
  // Work done so far, counted from zero (so `start` when nothing was done yet).
  void update(int64_t done);
  // Text at the end of the line.
  void set_note(const std::string& note);
  // A line of its own, above the bar.
  void message(std::string_view text);
  // The time since the last update was spent on something else (an evaluation) and doesn't count for the rate.
  void skip_time();
  // Takes the bar off the terminal until the next update, so that somebody else can draw.
  void hide();
  // Draws the final state and ends the line. Later calls do nothing.
  void finish();

  [[nodiscard]] bool is_terminal() const { return is_terminal_; }

 private:
  void draw_if_due();
  void draw(double now);
  void print_if_due(double now);
  void measure(double now);
  void erase();
  [[nodiscard]] int64_t tenth(int64_t done) const;
  [[nodiscard]] ProgressState state(double now) const;

  const ProgressOptions options_;
  const bool is_terminal_;
  const bool unicode_;
  const std::function<double()> clock_;
  std::atomic<int64_t> done_;
  std::atomic<double> next_draw_;

  std::mutex mutex_;  // guards what follows
  RateEstimate rate_;
  double start_time_;
  double measured_at_;
  int64_t measured_done_;
  double last_line_at_;
  int64_t last_line_tenth_;
  std::string note_;
  bool visible_ = false;
  bool finished_ = false;
};

}  // namespace tern
