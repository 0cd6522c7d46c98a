#include "engine/monitor/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iterator>

#include "engine/monitor/html.h"
#include "engine/monitor/text.h"

namespace tern {

namespace {

constexpr size_t kMaxEvalRows = 100;

std::string grouped(int64_t value) {  // 12345 -> "12 345", with thin spaces
  std::string digits = fmt::format("{}", value);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), "\u2009");
  }
  return digits;
}

std::string utc(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min);
}

std::string metric_text(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "NaN" : value > 0 ? "Inf" : "-Inf";
  return std::abs(value) < 1000 ? fmt::format("{:.4f}", value) : fmt::format("{:.5g}", value);
}

const char* status_class(const std::string& status) {
  if (status == "running") return "running";
  return status.starts_with("finished") ? "good" : "bad";
}

std::string header(const ReportContent& c) {
  return fmt::format(
      R"(<header><h1>{}</h1><p><span class="status {}">{}</span> <span class="quiet">written {} by Tern {}</span></p></header>)"
      "\n",
      html_escape(c.title), status_class(c.status), html_escape(c.status), utc(c.written_at),
      html_escape(c.machine.tern));
}

std::string tile(const std::string& name, const std::string& value, const std::string& detail) {
  return fmt::format(R"(<div class="tile"><h2>{}</h2><p class="value">{}</p><p class="quiet">{}</p></div>)",
                     html_escape(name), value, html_escape(detail));
}

std::string step_tile(const ReportContent& c) {
  const int64_t done = c.history.last_step();
  if (c.total_steps <= 0) return tile("Steps", grouped(done), "");
  const double part = std::clamp(static_cast<double>(done) / static_cast<double>(c.total_steps), 0.0, 1.0);
  return fmt::format(R"(<div class="tile"><h2>Steps</h2><p class="value">{}</p><p class="quiet">of {}</p>)"
                     R"(<div class="bar"><i style="width:{:.1f}%"></i></div></div>)",
                     grouped(done), grouped(c.total_steps), part * 100);
}

std::string time_tile(const ReportContent& c) {
  const double train = c.history.train_seconds();
  const int64_t left = c.total_steps - c.history.last_step();
  std::string detail = fmt::format("and {} in evaluations", duration_text(c.history.eval_seconds()));
  if (c.status == "running" && left > 0 && c.history.last_step() > 0) {
    detail = fmt::format("about {} to go",
                         duration_text(train / static_cast<double>(c.history.last_step()) * static_cast<double>(left)));
  }
  return tile("Training time", duration_text(train), detail);
}

std::string series_tile(const ReportContent& c, const std::string& series, const std::string& name,
                        std::string (*text)(double), const std::string& detail) {
  const auto found = c.history.series().find(series);
  if (found == c.history.series().end() || found->second.empty()) return "";
  return tile(name, text(found->second.last()), detail);
}

std::string tiles(const ReportContent& c) {
  std::string html = R"(<section class="tiles" aria-label="Summary">)" + step_tile(c);
  if (const auto best = best_value(c.history.evals(), c.best_metric)) {
    html += tile("Best " + best->metric, metric_text(best->value), fmt::format("at step {}", best->step));
  }
  html += series_tile(c, "loss", "Loss", metric_text, "last step, per example");
  html += series_tile(c, "examples_per_second", "Throughput", rate_text, "examples/s, last step");
  html += time_tile(c);
  if (c.peak_memory_bytes > 0) html += tile("Peak memory", bytes_text(c.peak_memory_bytes), "resident, this process");
  return html + "</section>\n";
}

std::string curves(const ReportContent& c) {
  std::string html = "<section><h2>Curves</h2>";
  const std::vector<Chart> charts = report_charts(c.history);
  if (charts.empty()) return html + R"(<p class="quiet">No step has finished yet.</p></section>)" + "\n";
  html +=
      R"(<p class="quiet">Lines: training, smoothed; shaded: range of the steps behind each point. Dots: evaluations.</p>)";
  html += R"(<div class="charts">)";
  for (const Chart& chart : charts) html += chart_html(chart);
  return html + "</div></section>\n";
}

std::string puzzles(const ReportContent& c) {
  if (c.pictures.empty()) return "";
  std::string html =
      R"(<section><h2>Puzzles</h2><p class="quiet">From the last evaluation; wrong cells are outlined.</p>)";
  html += R"(<div class="puzzles">)";
  for (const PuzzlePicture& picture : c.pictures) html += puzzle_picture_html(picture);
  return html + "</div></section>\n";
}

std::vector<std::string> eval_columns(const std::vector<EvalReport>& evals) {
  std::vector<std::string> columns;
  for (const EvalReport& report : evals) {
    for (const auto& [name, value] : report.metrics) {
      if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
    }
  }
  return columns;
}

std::string eval_row(const EvalReport& report, const std::vector<std::string>& columns, bool is_best) {
  std::string html = fmt::format("<tr{}><th>{}</th>", is_best ? R"( class="best")" : "", grouped(report.step));
  for (const std::string& column : columns) {
    const auto found = std::find_if(report.metrics.begin(), report.metrics.end(),
                                    [&](const auto& metric) { return metric.first == column; });
    html += found == report.metrics.end() ? "<td>–</td>" : fmt::format("<td>{}</td>", metric_text(found->second));
  }
  return html + fmt::format("<td>{}</td></tr>\n", duration_text(report.seconds));
}

std::string evaluations(const ReportContent& c) {
  const std::vector<EvalReport>& evals = c.history.evals();
  std::string html = "<section><h2>Evaluations</h2>";
  if (evals.empty()) return html + R"(<p class="quiet">None yet.</p></section>)" + "\n";
  const size_t shown = std::min(evals.size(), kMaxEvalRows);
  if (shown < evals.size()) {
    html += fmt::format(R"(<p class="quiet">The last {} of {}; all are in metrics.jsonl.</p>)", shown, evals.size());
  }
  const std::vector<std::string> columns = eval_columns(evals);
  html += R"(<div class="scroll"><table><thead><tr><th>step</th>)";
  for (const std::string& column : columns) html += "<th>" + html_escape(column) + "</th>";
  html += "<th>time</th></tr></thead><tbody>\n";
  const auto best = best_value(evals, c.best_metric);
  for (size_t i = evals.size(); i > evals.size() - shown; --i) {
    html += eval_row(evals[i - 1], columns, best && best->step == evals[i - 1].step);
  }
  return html + "</tbody></table></div></section>\n";
}

std::string configuration(const ReportContent& c) {
  if (c.config_yaml.empty()) return "";
  return fmt::format(
      "<section><h2>Configuration</h2><details><summary>config.yaml</summary><pre>{}</pre></details>"
      "</section>\n",
      html_escape(c.config_yaml));
}

std::string machine(const MachineInfo& m) {
  std::string html = R"(<section><h2>Machine</h2><dl class="machine">)";
  const auto row = [&](const char* name, const std::string& value) {
    if (!value.empty()) fmt::format_to(std::back_inserter(html), "<dt>{}</dt><dd>{}</dd>", name, html_escape(value));
  };
  const std::string cores = m.cores > 0 ? fmt::format("{} cores, ", m.cores) : "";
  row("Processor", m.cpu);
  row("Cores", fmt::format("{}{} hardware threads for this process", cores, m.threads));
  row("Memory", m.memory_bytes > 0 ? bytes_text(m.memory_bytes) : "");
  row("GPU", m.gpu.empty() ? "none" : m.gpu);
  row("System", m.os);
  row("Tern", m.tern);
  row("LibTorch", m.libtorch);
  row("Compiler", m.compiler);
  return html + "</dl></section>\n";
}

}  // namespace

std::string report_html(const ReportContent& c) {
  // The policy makes the browser refuse scripts and anything from elsewhere, whatever a name may smuggle in.
  return fmt::format(R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{} · Tern</title>
<style>{}</style></head><body><main>
)",
                     html_escape(c.title), report_style()) +
         header(c) + tiles(c) + curves(c) + puzzles(c) + evaluations(c) + configuration(c) + machine(c.machine) +
         R"(<footer class="quiet">The exact numbers are in metrics.jsonl beside this page.</footer>)" +
         "\n</main></body></html>\n";
}

}  // namespace tern
