#include "engine/monitor/run_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "tests/engine/monitor/full_disk.h"
#include "tests/engine/monitor/sample_run.h"
#include "tests/support/temp_folder.h"

namespace tern {
namespace {

using test::TempFolder;

// A file that stands in for stderr.
class Output {
 public:
  Output() : file_(std::tmpfile()) {}
  ~Output() { std::fclose(file_); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  [[nodiscard]] int fd() const { return ::fileno(file_); }
  [[nodiscard]] std::string text() const {
    std::string all(static_cast<size_t>(::lseek(fd(), 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(fd(), all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
    return all;
  }

 private:
  std::FILE* file_;
};

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

RunLogOptions options(const std::filesystem::path& folder, const Output& output, int64_t resume_step = 0) {
  return {.run_dir = folder,
          .title = "test",
          .total_steps = 20,
          .resume_step = resume_step,
          .config_yaml = "lr: 1\n",
          .log_interval = 5,
          .report_interval = 3600,
          .fd = output.fd(),
          .is_terminal = false};
}

void log_steps(RunLog& log, int64_t from, int64_t to) {
  for (int64_t step = from; step <= to; ++step) {
    log.step(sample::step_report(step));
    if (step % 4 == 0) log.eval(sample::eval_report(step));
  }
}

// The file without what may differ between equal runs.
std::string without_timing(const std::filesystem::path& path) {
  std::istringstream lines(read_file(path));
  std::string all;
  for (std::string line; std::getline(lines, line);) {
    auto row = nlohmann::ordered_json::parse(line);
    EXPECT_EQ(row.erase("timing"), 1U);
    all += row.dump() + "\n";
  }
  return all;
}

// Runs body in a process of its own that is then killed without warning.
void in_killed_process(const std::function<void()>& body) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    body();
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(LogLine, IsPinned) {
  LogLine line{.step = 120,
               .loss = 1.83421,
               .lr = 1e-4,
               .rate = 812.3,
               .seconds_per_step = 0.9449,
               .memory_bytes = 3'100'000'000};
  EXPECT_EQ(log_line(line), "Step 120 | Loss: 1.8342 | LR: 1.0e-04 | 812 ex/s | 0.94 s/step | mem 3.1 GB");
  line.unit = "tok";
  line.rate = 45123;
  line.mfu = 0.4123;
  line.seconds_left = 552;
  EXPECT_EQ(log_line(line),
            "Step 120 | Loss: 1.8342 | LR: 1.0e-04 | 45.1k tok/s | 0.94 s/step | mem 3.1 GB | MFU 41.2% | ETA 9:12");
  EXPECT_EQ(log_line({.step = 7,
                      .loss = std::numeric_limits<double>::quiet_NaN(),
                      .lr = 0,
                      .rate = 4.256,
                      .seconds_per_step = 0.00351,
                      .memory_bytes = 133'000'000}),
            "Step 7 | Loss: nan | LR: 0.0e+00 | 4.26 ex/s | 0.0035 s/step | mem 133.0 MB");
  EXPECT_EQ(
      eval_line({.step = 120, .metrics = {{"all/exact_accuracy", 0.42131}, {"ARC/pass@2", 0.25}}, .seconds = 12.34}),
      "Eval 120 | all/exact_accuracy: 0.4213 | ARC/pass@2: 0.2500 | 12.3 s");
}

// 4 examples of 256 tokens in half a second, with 1000 operations a token on a device of 10 million a second.
TEST(RunLog, TellsTokensMfuTheTimeLeftAndTheSmoothLoss) {
  const TempFolder folder;
  const Output output;
  {
    RunLogOptions with = options(folder.path(), output);
    with.display = {.unit = "tok",
                    .units_per_example = 256,
                    .flops_per_example = 256'000,
                    .peak_flops = 1e7,
                    .eta = true,
                    .loss = "train/loss_smooth"};
    RunLog log(with);
    for (int64_t step = 1; step <= 5; ++step) {
      log.step({.step = step,
                .loss = 9,
                .lr = 0.01,
                .examples = 4,
                .metrics = {{"train/loss_smooth", 3.5}},
                .seconds = 0.5,
                .memory_bytes = 1'000'000});
    }
  }
  EXPECT_NE(
      output.text().find("Step 5 | Loss: 3.5000 | LR: 1.0e-02 | 2.05k tok/s | 0.50 s/step | mem 1.0 MB | MFU 20.5% "
                         "| ETA 0:08\n"),
      std::string::npos)
      << output.text();
}

TEST(RunLog, PlainOutputIsOneLinePerInterval) {
  const TempFolder folder;
  const Output output;
  {
    RunLog log(options(folder.path(), output));
    for (int64_t step = 1; step <= 12; ++step) {
      log.step({.step = step,
                .loss = 2.0 / static_cast<double>(step),
                .lr = 1e-4,
                .examples = 100,
                .seconds = step % 5 == 0 ? 0.9 : 0.4,
                .memory_bytes = 3'100'000'000});
    }
    log.message("checkpoint written: step_12");
    log.step({.step = 20, .loss = 0.5, .lr = 1e-5, .examples = 10, .seconds = 1, .memory_bytes = 999});
    log.finish("finished");
  }
  EXPECT_EQ(output.text(),
            "Step 5 | Loss: 0.4000 | LR: 1.0e-04 | 200 ex/s | 0.50 s/step | mem 3.1 GB\n"
            "Step 10 | Loss: 0.2000 | LR: 1.0e-04 | 200 ex/s | 0.50 s/step | mem 3.1 GB\n"
            "checkpoint written: step_12\n"
            "Step 20 | Loss: 0.5000 | LR: 1.0e-05 | 117 ex/s | 0.60 s/step | mem 999 B\n");
}

TEST(RunLog, TerminalShowsABarAndMessagesAboveIt) {
  const TempFolder folder;
  const Output output;
  {
    RunLogOptions on_terminal = options(folder.path(), output);
    on_terminal.is_terminal = true;
    RunLog log(on_terminal);
    log_steps(log, 1, 9);
    log.message("checkpoint\x1b[2J written\n");
    log.hide_progress();
    log.finish("finished");
  }
  const std::string text = output.text();
  EXPECT_EQ(text.find("Step 5"), text.npos);
  EXPECT_NE(text.find("\rEval 4 | all/accuracy: "), text.npos) << text;
  EXPECT_NE(text.find("\rcheckpoint [2J written \x1b[K\n"), text.npos) << text;
  EXPECT_NE(text.find("9/20 steps"), text.npos);
  EXPECT_NE(text.find("loss "), text.npos);
  EXPECT_EQ(text.back(), '\n');
}

TEST(RunLog, KilledAndResumedReadsLikeUndisturbed) {
  const TempFolder folder;
  const Output output;
  {
    RunLog undisturbed(options(folder / "undisturbed", output));
    log_steps(undisturbed, 1, 20);
    undisturbed.finish("finished");
  }
  // Checkpoints at 0 (none), between two steps, at an evaluation, and at the very last step before the kill.
  for (const int64_t checkpoint : {0, 5, 8, 13}) {
    const auto run = folder / ("killed_" + std::to_string(checkpoint));
    in_killed_process([&] {
      RunLog log(options(run, output));
      log_steps(log, 1, 13);
    });
    in_killed_process([&] {
      RunLog log(options(run, output, checkpoint));
      log_steps(log, checkpoint + 1, 17);
    });
    RunLog log(options(run, output, checkpoint));
    log_steps(log, checkpoint + 1, 20);
    log.finish("finished");
    EXPECT_EQ(without_timing(run / "metrics.jsonl"), without_timing(folder / "undisturbed/metrics.jsonl"));
  }
}

TEST(RunLog, EvaluationRepeatedAfterResumeIsWrittenOnce) {
  const TempFolder folder;
  const Output output;
  {
    RunLog log(options(folder.path(), output));
    log_steps(log, 1, 8);
  }
  const std::string before = read_file(folder / "metrics.jsonl");
  RunLog log(options(folder.path(), output, 8));
  log.eval(sample::eval_report(8));
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), before);
  EXPECT_EQ(count(output.text(), "Eval 8 |"), 2U);
}

TEST(RunLog, ResumedReportCoversTheWholeHistoryAndKeepsThePuzzles) {
  const TempFolder folder;
  const Output output;
  in_killed_process([&] {
    RunLog log(options(folder.path(), output));
    log_steps(log, 1, 10);
    log.pictures(sample::pictures());
  });
  RunLog log(options(folder.path(), output, 8));
  log.finish("finished");
  const std::string html = read_file(folder / "report.html");
  EXPECT_NE(html.find("<p class=\"value\">8</p>"), html.npos);
  EXPECT_NE(html.find("<tr class=\"best\"><th>8</th>"), html.npos);
  EXPECT_NE(html.find("<tr><th>4</th>"), html.npos);
  EXPECT_NE(html.find("00576224"), html.npos);
}

TEST(RunLog, RewindGoesBackWithinTheProcess) {
  const TempFolder folder;
  const Output output;
  {
    RunLog log(options(folder / "straight", output));
    log_steps(log, 1, 12);
  }
  RunLog log(options(folder / "back", output));
  log_steps(log, 1, 10);
  log.rewind(6);
  log_steps(log, 7, 12);
  EXPECT_EQ(without_timing(folder / "back/metrics.jsonl"), without_timing(folder / "straight/metrics.jsonl"));
}

TEST(RunLog, FullDiskIsSaidOnceAndLosesNothing) {
  const TempFolder folder;
  const Output output;
  {
    RunLog whole(options(folder / "whole", output));
    log_steps(whole, 1, 20);
  }
  RunLogOptions often = options(folder / "full", output);
  often.report_interval = 0;
  RunLog log(often);
  log_steps(log, 1, 4);
  {
    const FullDisk disk(2500);
    log_steps(log, 5, 15);
  }
  log_steps(log, 16, 20);
  EXPECT_EQ(without_timing(folder / "full/metrics.jsonl"), without_timing(folder / "whole/metrics.jsonl"));
  const std::string said = output.text();
  EXPECT_EQ(count(said, "warning: metrics.jsonl: "), 1U) << said;
  EXPECT_EQ(count(said, "metrics.jsonl: written again, nothing is lost"), 1U) << said;
  EXPECT_EQ(count(said, "warning: events.out.tfevents."), 1U) << said;
  EXPECT_EQ(count(said, "warning: report.html: "), 1U) << said;
}

TEST(RunLog, SecondProcessOnTheSameRunIsRefused) {
  const TempFolder folder;
  const Output output;
  const RunLog first(options(folder.path(), output));
  try {
    const RunLog second(options(folder.path(), output));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find("another process is writing this file"), std::string::npos);
  }
}

TEST(RunLog, RunFolderThatCannotBeMadeIsAnError) {
  const TempFolder folder;
  const Output output;
  write_file_atomically(folder / "file", "x");
  try {
    const RunLog log(options(folder / "file" / "run", output));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find((folder / "file/run").string()), std::string::npos) << error.what();
  }
}

TEST(RunLog, WithoutFinishTheReportSaysStoppedEarly) {
  const TempFolder folder;
  const Output output;
  {
    RunLog log(options(folder.path(), output));
    log_steps(log, 1, 2);
    EXPECT_NE(read_file(folder / "report.html").find(">running<"), std::string::npos);
  }
  EXPECT_NE(read_file(folder / "report.html").find(">stopped early<"), std::string::npos);
}

TEST(RunLog, ReportIsThrottledExceptAtTheEnd) {
  const TempFolder folder;
  const Output output;
  RunLog log(options(folder.path(), output));
  log_steps(log, 1, 8);
  log.sync();
  EXPECT_NE(read_file(folder / "report.html").find("No step has finished yet."), std::string::npos);
  log.finish("finished");
  EXPECT_EQ(read_file(folder / "report.html").find("No step has finished yet."), std::string::npos);
}

TEST(RunLog, DamagedPuzzlesFileIsAWarning) {
  const TempFolder folder;
  const Output output;
  write_file_atomically(folder / "puzzles.json", "[{");
  const RunLog log(options(folder.path(), output, 3));
  EXPECT_NE(output.text().find("warning: not a list of puzzle pictures"), std::string::npos) << output.text();
}

TEST(RunLog, ThreadsMaySendMessages) {
  const TempFolder folder;
  const Output output;
  {
    RunLog log(options(folder.path(), output));
    std::thread writer([&] {
      for (int i = 0; i < 200; ++i) log.message("checkpoint written");
      log.sync();
    });
    log_steps(log, 1, 20);
    writer.join();
  }
  EXPECT_EQ(count(output.text(), "checkpoint written\n"), 200U);
}

}  // namespace
}  // namespace tern
