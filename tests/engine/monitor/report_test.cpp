#include "engine/monitor/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/monitor/html.h"
#include "tests/engine/monitor/sample_run.h"

namespace tern {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

ReportContent sample_content(int64_t steps) {
  ReportContent content{.title = "arc1 small",
                        .status = "running",
                        .total_steps = 2 * steps,
                        .pictures = sample::pictures(),
                        .config_yaml = "lr: 0.0001\n",
                        .machine = machine_info(),
                        .peak_memory_bytes = 3'100'000'000,
                        .written_at = 1'700'000'000};
  content.machine.libtorch = "2.11.0";
  content.machine.gpu = "1 x Test GPU";
  for (int64_t step = 1; step <= steps; ++step) content.history.add(sample::step_report(step));
  content.history.add(sample::eval_report(steps / 2));
  content.history.add(sample::eval_report(steps));
  return content;
}

TEST(Html, EscapesWhatCouldBecomeMarkup) {
  EXPECT_EQ(html_escape("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(html_escape(std::string("a\0b\x1b", 4)),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  EXPECT_EQ(html_escape("é\n\t"), "é\n\t");
}

TEST(Report, HasEverySection) {
  const std::string html = report_html(sample_content(400));
  for (const char* part : {"<h1>arc1 small</h1>",
                           "written 2023-11-14 22:13 UTC",
                           ">running<",
                           "Best ARC/pass@2",
                           "of 800",
                           "to go",
                           "<h2>Curves</h2>",
                           "Cell loss (lm_loss)",
                           "Halting loss (q_halt_loss)",
                           "Cell accuracy (accuracy)",
                           "Puzzle accuracy (exact_accuracy)",
                           "Halting accuracy (q_halt_accuracy)",
                           "Reasoning steps (steps)",
                           "Vote accuracy (pass@K)",
                           "Learning rate",
                           "Throughput (examples per second)",
                           "Memory in use (GB)",
                           "<h2>Puzzles</h2>",
                           "00576224",
                           "<h2>Evaluations</h2>",
                           "<h2>Configuration</h2>",
                           "lr: 0.0001",
                           "<h2>Machine</h2>",
                           "1 x Test GPU",
                           "2.11.0",
                           "3.1 GB"}) {
    EXPECT_TRUE(contains(html, part)) << part;
  }
}

TEST(Report, LoadsNothingAndRunsNothing) {
  const std::string html = report_html(sample_content(100));
  for (const char* part : {"<script", "http://", "https://", "src=", "href=", "@import", "url(", "onload"}) {
    EXPECT_FALSE(contains(html, part)) << part;
  }
  EXPECT_TRUE(contains(html, "default-src 'none'"));
}

TEST(Report, NoTextCanBecomeMarkup) {
  const std::string evil = "</title></pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'";
  ReportContent content{.title = evil, .status = evil, .best_metric = "all/" + evil, .config_yaml = evil};
  content.pictures = {{.title = evil}};
  content.machine = {.cpu = evil, .os = evil, .compiler = evil, .tern = evil, .libtorch = evil, .gpu = evil};
  for (int64_t step = 1; step <= 3; ++step) {
    content.history.add(StepReport{.step = step, .loss = 1, .metrics = {{"train/" + evil, 1}}});
    content.history.add(EvalReport{.step = step, .metrics = {{"all/" + evil, 1}}});
  }
  const std::string html = report_html(content);
  EXPECT_FALSE(contains(html, "<script"));
  EXPECT_FALSE(contains(html, "<img"));
  EXPECT_TRUE(contains(html, "&lt;script&gt;alert(1)&lt;/script&gt;"));
}

TEST(Report, EmptyRunIsAPageToo) {
  const std::string html = report_html({.title = "new", .status = "running", .total_steps = 10});
  EXPECT_TRUE(contains(html, "No step has finished yet."));
  EXPECT_TRUE(contains(html, "None yet."));
  EXPECT_TRUE(contains(html, "</html>"));
}

TEST(Report, NonFiniteNumbersDontBreakTheDrawing) {
  ReportContent content{.title = "nan", .status = "diverged at step 3"};
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  for (const double loss : {2.0, 1.0, kNaN, std::numeric_limits<double>::infinity()}) {
    content.history.add(StepReport{.step = content.history.last_step() + 1, .loss = loss, .lr = 0, .seconds = kNaN});
  }
  content.history.add(EvalReport{.step = 4, .metrics = {{"all/lm_loss", kNaN}}, .seconds = kNaN});
  const std::string html = report_html(content);
  EXPECT_TRUE(contains(html, "2 NaN or Inf left out"));
  EXPECT_FALSE(contains(html, "nan,"));
  EXPECT_FALSE(contains(html, ",nan"));
  EXPECT_FALSE(contains(html, "inf,"));
  EXPECT_TRUE(contains(html, "<td>NaN</td>"));
}

TEST(Report, LongRunsStaySmall) {
  const ReportContent content = sample_content(20'000);
  EXPECT_LT(report_html(content).size(), 600'000U);
  for (const Chart& chart : report_charts(content.history)) {
    for (const ChartLine& line : chart.lines) EXPECT_LE(line.points.size(), 600U) << line.name;
  }
}

TEST(Report, ManyEvaluationsAreCutInTheTableOnly) {
  ReportContent content{.title = "many"};
  for (int64_t step = 1; step <= 250; ++step) content.history.add(sample::eval_report(step));
  const std::string html = report_html(content);
  EXPECT_TRUE(contains(html, "The last 100 of 250"));
  EXPECT_TRUE(contains(html, "<th>250</th>"));
  EXPECT_TRUE(contains(html, "<th>151</th>"));
  EXPECT_FALSE(contains(html, "<th>150</th>"));
}

TEST(ReportCharts, OnePerMetricWithTrainingAndEvaluationTogether) {
  History history;
  history.add(
      StepReport{.step = 1,
                 .loss = 2,
                 .lr = 1e-4,
                 .examples = 4,
                 .metrics = {{"train/lm_loss", 1}, {"train/zeta", 3}, {"train/lr", 1e-4}, {"train/grad_norm", 5}},
                 .seconds = 2,
                 .memory_bytes = 2'000'000'000});
  history.add(
      EvalReport{.step = 1, .metrics = {{"all/lm_loss", 4}, {"ARC/pass@1", 0}, {"ARC/pass@10", 0}, {"all/count", 9}}});
  std::vector<std::string> found;
  for (const Chart& chart : report_charts(history)) {
    std::string text = chart.title + ":";
    for (const ChartLine& line : chart.lines) text += " " + line.name + (line.marked ? "*" : "");
    found.push_back(text);
  }
  EXPECT_EQ(found, (std::vector<std::string>{"Loss: loss", "Cell loss (lm_loss): train/lm_loss all/lm_loss*",
                                             "Vote accuracy (pass@K): ARC/pass@1* ARC/pass@10*", "zeta: train/zeta",
                                             "Gradient norm: train/grad_norm", "Learning rate: lr",
                                             "Throughput (examples per second): examples_per_second",
                                             "Memory in use (GB): in use"}));
}

TEST(Smoothed, FollowsAStraightLineExactlyAndCalmsNoise) {
  std::vector<SeriesPoint> line, noise;
  for (int i = 0; i < 300; ++i) {
    line.push_back({.step = i * 1.0, .mean = 2.0 - 0.01 * i});
    noise.push_back({.step = i * 1.0, .mean = i % 2 == 0 ? 1.0 : -1.0});
  }
  const std::vector<double> smooth_line = smoothed(line), smooth_noise = smoothed(noise);
  for (size_t i = 0; i < 300; ++i) {
    EXPECT_NEAR(smooth_line[i], line[i].mean, 1e-9);
    if (i > 20 && i < 280) {
      EXPECT_NEAR(smooth_noise[i], 0, 0.1);
    }
  }
}

TEST(Smoothed, SinglePointIsItself) {
  EXPECT_EQ(smoothed({{.step = 5, .mean = 3}}), std::vector<double>{3});
  EXPECT_TRUE(smoothed({}).empty());
}

}  // namespace
}  // namespace tern
