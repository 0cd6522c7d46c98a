#include "engine/monitor/progress.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/monitor/text.h"

namespace tern {
namespace {

ProgressState training_state() {
  return {.label = "Train",
          .unit = "steps",
          .done = 420,
          .total = 1000,
          .rate = 1.0626,
          .elapsed = 400,
          .note = "loss 1.8342"};
}

TEST(ProgressLine, WideTerminalShowsEverything) {
  EXPECT_EQ(progress_line(training_state(), 100, true),
            "Train   42% |██████████████▎                   | 420/1000 steps, 1.06 steps/s, ETA 9:06, loss 1.8342");
  EXPECT_EQ(progress_line(training_state(), 100, false),
            "Train   42% |##############                    | 420/1000 steps, 1.06 steps/s, ETA 9:06, loss 1.8342");
}

TEST(ProgressLine, NarrowTerminalsDropTheLeastImportantFirst) {
  const ProgressState s = training_state();
  EXPECT_EQ(progress_line(s, 74, true), "Train   42% 420/1000 steps, 1.06 steps/s, ETA 9:06, loss 1.8342");
  EXPECT_EQ(progress_line(s, 60, true), "Train   42% 420/1000 steps, ETA 9:06, loss 1.8342");
  EXPECT_EQ(progress_line(s, 40, true), "Train   42% 420/1000 steps, ETA 9:06");
  EXPECT_EQ(progress_line(s, 33, true), " 42% 420/1000 steps, ETA 9:06");
  EXPECT_EQ(progress_line(s, 20, true), " 42% 420/1000 steps");
  EXPECT_EQ(progress_line(s, 8, true), " 42% 420");
}

TEST(ProgressLine, FitsEveryWidth) {
  for (size_t columns = 0; columns < 160; ++columns) {
    for (const bool unicode : {false, true}) {
      EXPECT_LE(display_width(progress_line(training_state(), columns, unicode)), columns);
    }
  }
}

TEST(ProgressLine, EdgesOfTheBar) {
  const ProgressState none{.label = "Build", .unit = "puzzles", .done = 0, .total = 8};
  EXPECT_EQ(progress_line(none, 50, false), "Build    0% |                        | 0/8 puzzles");
  const ProgressState all{.label = "Build", .unit = "puzzles", .done = 8, .total = 8, .rate = 2, .elapsed = 4};
  EXPECT_EQ(progress_line(all, 70, false), "Build  100% |#################| 8/8 puzzles, 2.00 puzzles/s, took 0:04");
  const ProgressState unknown{.label = "Read", .unit = "rows", .done = 1234, .rate = 617, .elapsed = 2};
  EXPECT_EQ(progress_line(unknown, 60, false), "Read  1234 rows, 617 rows/s, 0:02");
  const ProgressState over{.label = "", .unit = "", .done = 12, .total = 8, .rate = 1, .elapsed = 1};
  EXPECT_EQ(progress_line(over, 50, false), "100% |################| 12/8, 1.00 it/s, took 0:01");
}

TEST(ProgressLine, HundredPercentOnlyWhenAllIsDone) {
  const ProgressState almost{.label = "", .unit = "", .done = 9999, .total = 10000};
  EXPECT_EQ(progress_plain_line(almost), "9999/10000 (99%)");
}

TEST(ProgressLine, PlainLineSaysTheSame) {
  EXPECT_EQ(progress_plain_line(training_state()), "Train: 420/1000 steps (42%), 1.06 steps/s, ETA 9:06, loss 1.8342");
}

TEST(RateEstimate, StartsAsTheMeanAndForgetsOldSpeed) {
  RateEstimate rate;
  EXPECT_EQ(rate.per_second(), 0);
  rate.add(10, 5);
  EXPECT_DOUBLE_EQ(rate.per_second(), 2);
  for (int i = 0; i < 300; ++i) rate.add(8, 1);
  EXPECT_NEAR(rate.per_second(), 8, 0.01);
}

// A pipe whose reading end collects what a bar writes.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] int fd() const { return ends_[1]; }
  std::string text() {
    ::close(std::exchange(ends_[1], -1));
    std::string all;
    std::array<char, 4096> chunk{};
    for (ssize_t n = 0; (n = ::read(ends_[0], chunk.data(), chunk.size())) > 0;) all.append(chunk.data(), n);
    return all;
  }

 private:
  std::array<int, 2> ends_{};
};

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

TEST(ProgressBar, WithoutATerminalPrintsEachTenthAndTheEnd) {
  Pipe pipe;
  double now = 0;
  ProgressBar bar({.label = "Eval", .total = 100, .unit = "batches", .fd = pipe.fd(), .clock = [&] { return now; }});
  for (int i = 1; i <= 100; ++i) {
    now += 0.5;
    bar.update(i);
  }
  bar.finish();
  bar.finish();
  EXPECT_EQ(pipe.text(),
            "Eval: 10/100 batches (10%), 2.00 batches/s, ETA 0:45\n"
            "Eval: 20/100 batches (20%), 2.00 batches/s, ETA 0:40\n"
            "Eval: 30/100 batches (30%), 2.00 batches/s, ETA 0:35\n"
            "Eval: 40/100 batches (40%), 2.00 batches/s, ETA 0:30\n"
            "Eval: 50/100 batches (50%), 2.00 batches/s, ETA 0:25\n"
            "Eval: 60/100 batches (60%), 2.00 batches/s, ETA 0:20\n"
            "Eval: 70/100 batches (70%), 2.00 batches/s, ETA 0:15\n"
            "Eval: 80/100 batches (80%), 2.00 batches/s, ETA 0:10\n"
            "Eval: 90/100 batches (90%), 2.00 batches/s, ETA 0:05\n"
            "Eval: 100/100 batches (100%), 2.00 batches/s, took 0:50\n");
}

TEST(ProgressBar, WithoutATerminalASlowJobStillShowsLife) {
  Pipe pipe;
  double now = 0;
  ProgressBar bar({.label = "Vote", .total = 100000, .unit = "puzzles", .fd = pipe.fd(), .clock = [&] { return now; }});
  for (; now < 95; now += 1) bar.add(1);
  EXPECT_EQ(count(pipe.text(), "\n"), 3U);
}

TEST(ProgressBar, OnATerminalRedrawsOneLineAndIsThrottled) {
  Pipe pipe;
  double now = 0;
  {
    ProgressBar bar(
        {.label = "Build", .total = 1000, .fd = pipe.fd(), .is_terminal = true, .clock = [&] { return now; }});
    for (int i = 1; i <= 1000; ++i) {
      now += 0.001;
      bar.add(1);
    }
    bar.finish();
  }
  const std::string text = pipe.text();
  EXPECT_EQ(count(text, "\n"), 1U);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_GE(count(text, "\r"), 9U);
  EXPECT_LE(count(text, "\r"), 12U);
  EXPECT_NE(text.find("1000/1000"), text.npos);
}

TEST(ProgressBar, MessagesStandAboveTheBar) {
  Pipe pipe;
  double now = 0;
  {
    ProgressBar bar({.label = "T", .total = 10, .fd = pipe.fd(), .is_terminal = true, .clock = [&] { return now; }});
    bar.message("checkpoint written");
  }
  const std::string text = pipe.text();
  const size_t at = text.find("\rcheckpoint written\x1b[K\n\rT ");
  ASSERT_NE(at, text.npos) << text;
  EXPECT_EQ(text.back(), '\n') << "an unfinished bar must leave the cursor on a fresh line";
}

TEST(ProgressBar, TimeSpentElsewhereDoesNotCount) {
  Pipe pipe;
  double now = 0;
  ProgressBar bar({.label = "T", .total = 100, .fd = pipe.fd(), .clock = [&] { return now; }});
  now = 10;
  bar.update(20);
  now = 1000;  // an evaluation
  bar.skip_time();
  now = 1010;
  bar.update(40);
  EXPECT_NE(pipe.text().find("40/100 (40%), 2.00 it/s, ETA 0:30"), std::string::npos);
}

TEST(ProgressBar, ResumedWorkDoesNotCountForTheRate) {
  Pipe pipe;
  double now = 0;
  ProgressBar bar({.label = "T", .total = 100, .start = 50, .fd = pipe.fd(), .clock = [&] { return now; }});
  now = 10;
  bar.update(60);
  EXPECT_EQ(pipe.text(), "T: 60/100 (60%), 1.00 it/s, ETA 0:40\n");
}

TEST(ProgressBar, QuietBarPrintsOnlyMessages) {
  Pipe pipe;
  ProgressBar bar({.label = "T", .total = 10, .quiet = true, .fd = pipe.fd(), .is_terminal = true});
  bar.add(5);
  bar.message("note");
  bar.finish();
  EXPECT_EQ(pipe.text(), "note\n");
}

TEST(ProgressBar, ThreadsMayShareOne) {
  Pipe pipe;
  ProgressBar bar({.label = "T", .total = 40000, .fd = pipe.fd(), .is_terminal = false});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10000; ++i) bar.add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  bar.finish();
  EXPECT_NE(pipe.text().find("40000/40000 (100%)"), std::string::npos);
}

TEST(ProgressBar, UsesTheRealTerminalsWidth) {
  ASSERT_EQ(::setenv("TERM", "xterm", 1), 0);  // one that can redraw, wherever the test runs
  int master = -1, slave = -1;
  winsize size{.ws_row = 24, .ws_col = 41, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
  ASSERT_TRUE(can_redraw(slave));
  {
    ProgressBar bar({.label = "Train", .total = 1000, .unit = "steps", .start = 420, .fd = slave});
    EXPECT_TRUE(bar.is_terminal());
  }
  std::array<char, 1024> shown{};
  const ssize_t n = ::read(master, shown.data(), shown.size());
  ::close(slave);
  ::close(master);
  ASSERT_GT(n, 0);
  const std::string text(shown.data(), static_cast<size_t>(n));
  const std::string line = text.substr(1, text.find('\x1b') - 1);
  EXPECT_EQ(line.substr(0, 13), "Train   42% |") << text;
  EXPECT_EQ(display_width(line), 40U) << text;
}

}  // namespace
}  // namespace tern
