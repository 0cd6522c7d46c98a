#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "engine/monitor/report.h"

namespace tern {

namespace {

struct KnownChart {
  std::string_view metric;
  std::string_view title;
};

// Metrics with a title of their own, in the page's order; others follow by name, the last four come last.
constexpr std::array<KnownChart, 8> kFirst = {{{"loss", "Loss"},
                                               {"lm_loss", "Cell loss (lm_loss)"},
                                               {"q_halt_loss", "Halting loss (q_halt_loss)"},
                                               {"accuracy", "Cell accuracy (accuracy)"},
                                               {"exact_accuracy", "Puzzle accuracy (exact_accuracy)"},
                                               {"pass@K", "Vote accuracy (pass@K)"},
                                               {"q_halt_accuracy", "Halting accuracy (q_halt_accuracy)"},
                                               {"steps", "Reasoning steps (steps)"}}};
constexpr std::array<KnownChart, 4> kLast = {{{"grad_norm", "Gradient norm"},
                                              {"lr", "Learning rate"},
                                              {"examples_per_second", "Throughput (examples per second)"},
                                              {"memory_bytes", "Memory in use (GB)"}}};

using Lines = std::map<std::string, std::vector<ChartLine>, std::less<>>;

// "all/exact_accuracy" belongs to chart "exact_accuracy", "ARC/pass@2" to "pass@K".
std::string chart_of(std::string_view metric) {
  const std::string_view base = metric.substr(metric.rfind('/') + 1);
  return std::string(base.starts_with("pass@") ? "pass@K" : base);
}

void add_training_curves(Lines& lines, const History& history) {
  for (const auto& [name, series] : history.series()) {
    if (series.empty() && series.non_finite() == 0) continue;
    ChartLine line{.name = name,
                   .points = series.points(),
                   .noisy = name != "lr" && name != "memory_bytes",
                   .condensed = series.width() > 1,
                   .non_finite = series.non_finite()};
    if (name == "memory_bytes") {
      line.name = "in use";
      for (SeriesPoint& p : line.points) p = {p.step, p.low / 1e9, p.mean / 1e9, p.high / 1e9};
    }
    lines[chart_of(name)].push_back(std::move(line));
  }
}

void add_evaluations(Lines& lines, const History& history) {
  std::vector<std::string> order;  // as the evaluations name them
  std::map<std::string, Series> values;
  for (const EvalReport& report : history.evals()) {
    for (const auto& [name, value] : report.metrics) {
      if (chart_of(name) == "count") continue;
      if (values.find(name) == values.end()) order.push_back(name);
      values[name].add(report.step, value);
    }
  }
  for (const std::string& name : order) {
    const Series& series = values[name];
    lines[chart_of(name)].push_back(
        {.name = name, .points = series.points(), .marked = true, .non_finite = series.non_finite()});
  }
}

Chart make_chart(std::string_view metric, std::string_view title, std::vector<ChartLine> lines,
                 const History& history) {
  const double last_step = static_cast<double>(
      std::max(history.last_step(), history.evals().empty() ? int64_t{0} : history.evals().back().step));
  const bool is_loss = metric.ends_with("loss") || metric == "grad_norm";
  return {.title = std::string(title),
          .lines = std::move(lines),
          .last_step = std::max(1.0, last_step),
          .from_zero = !is_loss,
          .may_be_log = is_loss};
}

}  // namespace

std::vector<Chart> report_charts(const History& history) {
  Lines lines;
  add_training_curves(lines, history);
  add_evaluations(lines, history);
  std::vector<Chart> first, middle, last;
  const auto take = [&](const auto& known, std::vector<Chart>& into) {
    for (const auto& [metric, title] : known) {
      const auto found = lines.find(metric);
      if (found == lines.end()) continue;
      into.push_back(make_chart(metric, title, std::move(found->second), history));
      lines.erase(found);
    }
  };
  take(kFirst, first);
  take(kLast, last);
  for (auto& [metric, chart_lines] : lines) {
    middle.push_back(make_chart(metric, metric, std::move(chart_lines), history));
  }
  std::move(middle.begin(), middle.end(), std::back_inserter(first));
  std::move(last.begin(), last.end(), std::back_inserter(first));
  return first;
}

}  // namespace tern
