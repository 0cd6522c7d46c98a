#include "engine/monitor/metrics_log.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "tests/engine/monitor/full_disk.h"
#include "tests/support/temp_folder.h"

namespace tern {
namespace {

using test::TempFolder;

StepReport step_report(int64_t step) {
  return {.step = step,
          .loss = 1.8342 / static_cast<double>(step),
          .lr = 1e-4,
          .examples = 768,
          .metrics = {{"train/lm_loss", 1.5}, {"train/exact_accuracy", 0.1}},
          .seconds = 0.96,
          .memory_bytes = 3'100'000'000};
}

EvalReport eval_report(int64_t step) {
  return {.step = step, .metrics = {{"all/exact_accuracy", 0.42}, {"ARC/pass@2", 0.25}}, .seconds = 12.5};
}

TEST(MetricsLine, IsPinned) {
  StepReport step = step_report(120);
  step.loss = 1.8342;
  EXPECT_EQ(metrics_line(step), R"({"kind":"step","step":120,"loss":1.8342,"lr":0.0001,"examples":768,)"
                                R"("metrics":{"train/lm_loss":1.5,"train/exact_accuracy":0.1},)"
                                R"("timing":{"seconds":0.96,"examples_per_second":800.0,"memory_bytes":3100000000}})"
                                "\n");
  EXPECT_EQ(metrics_line(eval_report(120)),
            R"({"kind":"eval","step":120,"metrics":{"all/exact_accuracy":0.42,"ARC/pass@2":0.25},)"
            R"("timing":{"seconds":12.5}})"
            "\n");
}

TEST(MetricsLine, NumbersComeBackBitForBit) {
  std::mt19937_64 random(7);
  MetricsRow row;
  for (int i = 0; i < 20000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    StepReport step = step_report(1);
    step.loss = value;
    step.metrics = {{"x", static_cast<double>(static_cast<float>(value))}};
    if (!std::isfinite(step.metrics[0].second)) step.metrics[0].second = -0.0;
    ASSERT_EQ(parse_metrics_line(metrics_line(step), row), LineKind::step);
    const auto& back = std::get<StepReport>(row);
    ASSERT_EQ(std::bit_cast<uint64_t>(back.loss), std::bit_cast<uint64_t>(value)) << metrics_line(step);
    ASSERT_EQ(std::bit_cast<uint64_t>(back.metrics[0].second), std::bit_cast<uint64_t>(step.metrics[0].second));
  }
}

TEST(MetricsLine, NonFiniteNumbersAreValidJson) {
  StepReport step = step_report(3);
  step.loss = std::numeric_limits<double>::quiet_NaN();
  step.lr = std::numeric_limits<double>::infinity();
  step.metrics = {{"a", -std::numeric_limits<double>::infinity()}};
  const std::string line = metrics_line(step);
  EXPECT_TRUE(nlohmann::json::accept(line));
  EXPECT_NE(line.find(R"("loss":"NaN","lr":"Infinity")"), line.npos) << line;
  MetricsRow row;
  ASSERT_EQ(parse_metrics_line(line, row), LineKind::step);
  EXPECT_TRUE(std::isnan(std::get<StepReport>(row).loss));
  EXPECT_EQ(std::get<StepReport>(row).lr, std::numeric_limits<double>::infinity());
  EXPECT_EQ(std::get<StepReport>(row).metrics[0].second, -std::numeric_limits<double>::infinity());
}

TEST(MetricsLine, OddNamesStayValidJson) {
  const EvalReport report{.step = 1, .metrics = {{"a\"b\n\xff", 1.0}}, .seconds = 0};
  EXPECT_TRUE(nlohmann::json::accept(metrics_line(report)));
}

TEST(MetricsLine, KnowsWhatItIsGiven) {
  MetricsRow row;
  EXPECT_EQ(parse_metrics_line(R"({"kind":"note","text":"x"})", row), LineKind::foreign);
  EXPECT_EQ(parse_metrics_line(R"({"step":1})", row), LineKind::foreign);
  EXPECT_EQ(parse_metrics_line(R"({"kind":"step","step":12,"lo)", row), LineKind::broken);
  EXPECT_EQ(parse_metrics_line(R"({"kind":"step","step":"many"})", row), LineKind::broken);
  EXPECT_EQ(parse_metrics_line("[1]", row), LineKind::broken);
  EXPECT_EQ(parse_metrics_line("", row), LineKind::broken);
}

// The file an undisturbed run of `steps` steps leaves, evaluated every third step.
std::string undisturbed(int64_t steps) {
  std::string text;
  for (int64_t step = 1; step <= steps; ++step) {
    text += metrics_line(step_report(step));
    if (step % 3 == 0) text += metrics_line(eval_report(step));
  }
  return text;
}

void log_steps(MetricsLog& log, int64_t from, int64_t to) {
  for (int64_t step = from; step <= to; ++step) {
    EXPECT_TRUE(log.append(step_report(step)));
    if (step % 3 != 0) continue;
    EXPECT_TRUE(log.append(eval_report(step)));
  }
}

TEST(MetricsLog, EveryRowIsInTheFileAtOnce) {
  const TempFolder folder;
  MetricsLog log(folder / "metrics.jsonl", 0);
  log_steps(log, 1, 4);
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), undisturbed(4));
}

TEST(MetricsLog, KilledAndResumedEqualsUndisturbed) {
  for (const int64_t checkpoint : {0, 1, 3, 5, 8}) {
    for (const std::string& torn : {std::string(), std::string(R"({"kind":"step","st)"), std::string(3, '\0')}) {
      const TempFolder folder;
      const auto path = folder / "metrics.jsonl";
      {
        MetricsLog killed(path, 0);
        log_steps(killed, 1, 8);
      }
      write_file_atomically(path, read_file(path) + torn);
      for (int twice = 0; twice < 2; ++twice) {
        MetricsLog resumed(path, checkpoint);
        EXPECT_EQ(read_file(path), undisturbed(checkpoint));
        EXPECT_EQ(resumed.broken_lines(), 0);
        log_steps(resumed, checkpoint + 1, 12);
        EXPECT_EQ(read_file(path), undisturbed(12));
      }
    }
  }
}

TEST(MetricsLog, NothingToDropLeavesTheFileAlone) {
  const TempFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_file_atomically(path, undisturbed(5));
  const auto before = std::filesystem::last_write_time(path);
  const MetricsLog log(path, 5);
  EXPECT_EQ(std::filesystem::last_write_time(path), before);
}

TEST(MetricsLog, ForeignLinesAreKeptAndBrokenOnesCounted) {
  const TempFolder folder;
  const auto path = folder / "metrics.jsonl";
  const std::string note = "{\"kind\":\"note\",\"text\":\"by hand\"}\n";
  write_file_atomically(path, note + undisturbed(2) + "half a li\n" + metrics_line(step_report(3)));
  const MetricsLog log(path, 3);
  EXPECT_EQ(log.broken_lines(), 1);
  EXPECT_EQ(read_file(path), note + undisturbed(2) + metrics_line(step_report(3)));
}

TEST(MetricsLog, StartingAnewKeepsTheOldRowsBeside) {
  const TempFolder folder;
  write_file_atomically(folder / "metrics.jsonl", undisturbed(4));
  const MetricsLog log(folder / "metrics.jsonl", 0);
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), "");
  EXPECT_EQ(read_file(folder / "metrics.previous.jsonl"), undisturbed(4));
}

TEST(MetricsLog, RewindInTheSameProcessGoesOnAppending) {
  const TempFolder folder;
  MetricsLog log(folder / "metrics.jsonl", 0);
  log_steps(log, 1, 7);
  log.rewind(4);
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), undisturbed(4));
  log_steps(log, 5, 9);
  log.rewind(9);
  log_steps(log, 10, 10);
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), undisturbed(10));
}

TEST(MetricsLog, AnotherProcessIsRefusedAlsoAfterARewind) {
  const TempFolder folder;
  MetricsLog log(folder / "metrics.jsonl", 0);
  EXPECT_THROW(MetricsLog(folder / "metrics.jsonl", 0), Error);
  log_steps(log, 1, 3);
  log.rewind(1);
  EXPECT_THROW(MetricsLog(folder / "metrics.jsonl", 0), Error);
}

TEST(MetricsLog, RewindWithoutRoomLeavesTheFileAsItWas) {
  const TempFolder folder;
  MetricsLog log(folder / "metrics.jsonl", 0);
  log_steps(log, 1, 7);
  {
    const FullDisk disk(16);
    EXPECT_THROW(log.rewind(4), Error);
  }
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), undisturbed(7));
  EXPECT_FALSE(std::filesystem::exists(folder / "metrics.jsonl.tmp"));
}

TEST(ReadMetrics, VisitsRowsAndSkipsTheRest) {
  const TempFolder folder;
  write_file_atomically(folder / "metrics.jsonl", undisturbed(3) + "{\"kind\":\"note\"}\n{\"kind\":\"st");
  int steps = 0, evals = 0;
  read_metrics(folder / "metrics.jsonl",
               [&](const MetricsRow& row) { (std::holds_alternative<StepReport>(row) ? steps : evals) += 1; });
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(evals, 1);
}

}  // namespace
}  // namespace tern
