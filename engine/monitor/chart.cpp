#include "engine/monitor/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

#include "engine/monitor/axis.h"
#include "engine/monitor/html.h"
#include "engine/monitor/text.h"

namespace tern {

namespace {

// SVG user units; the page scales the drawing to its column.
constexpr double kWidth = 520, kHeight = 250;
constexpr double kLeft = 52, kRight = 22, kTop = 10, kBottom = 40;
constexpr size_t kSmoothFrom = 50;
constexpr double kLogFrom = 50;  // largest over smallest value

struct Frame {
  Axis x, y;
  [[nodiscard]] double px(double value) const { return kLeft + x.position(value) * (kWidth - kLeft - kRight); }
  [[nodiscard]] double py(double value) const {
    return kTop + (1 - std::clamp(y.position(value), 0.0, 1.0)) * (kHeight - kTop - kBottom);
  }
};

std::string value_text(double value) {
  if (value != 0 && (std::abs(value) < 1e-3 || std::abs(value) >= 1e5)) return fmt::format("{:.3g}", value);
  return fmt::format("{:.4g}", value);
}

Axis value_axis(const Chart& chart) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const ChartLine& line : chart.lines) {
    for (const SeriesPoint& p : line.points) {
      low = std::min(low, p.low);
      high = std::max(high, p.high);
    }
  }
  if (chart.may_be_log && low > 0 && high / low > kLogFrom) return log_axis(low, high);
  if (chart.from_zero && low >= 0) {
    low = 0;
    if (high == 0) high = 1;
  }
  return linear_axis(low, high, 5, true);
}

Frame frame_of(const Chart& chart) {
  return {linear_axis(0, chart.last_step, 6, false), value_axis(chart)};
}

void draw_axes(std::string& svg, const Frame& f) {
  auto out = std::back_inserter(svg);
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  for (size_t i = 0; i < f.y.ticks.size(); ++i) {
    const double y = f.py(f.y.ticks[i]);
    fmt::format_to(out, R"(<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>)", kLeft, y, right, y);
    fmt::format_to(out, R"(<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>)", kLeft - 7, y + 4,
                   f.y.labels[i]);
  }
  for (size_t i = 0; i < f.x.ticks.size(); ++i) {
    const double x = f.px(f.x.ticks[i]);
    fmt::format_to(out, R"(<line class="axis" x1="{0:.1f}" y1="{1}" x2="{0:.1f}" y2="{2}"/>)", x, bottom, bottom + 4);
    fmt::format_to(out, R"(<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>)", x, bottom + 17,
                   f.x.labels[i]);
  }
  fmt::format_to(out, R"(<line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/>)", kLeft, bottom, right, bottom);
  fmt::format_to(out, R"(<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">step</text>)", (kLeft + right) / 2,
                 kHeight - 6);
}

// "x,y x,y ..." of one value per point.
template <class Value>
std::string coordinates(const Frame& f, const std::vector<SeriesPoint>& points, const Value& value) {
  std::string text;
  for (size_t i = 0; i < points.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{:.1f},{:.1f} ", f.px(points[i].step), f.py(value(i)));
  }
  return text;
}

void draw_band(std::string& svg, const Frame& f, const std::vector<SeriesPoint>& points, size_t colour) {
  const std::vector<SeriesPoint> backwards(points.rbegin(), points.rend());
  fmt::format_to(std::back_inserter(svg), R"(<polygon class="band c{}" points="{}{}"/>)", colour,
                 coordinates(f, points, [&](size_t i) { return points[i].high; }),
                 coordinates(f, backwards, [&](size_t i) { return backwards[i].low; }));
}

void draw_polyline(std::string& svg, const char* kind, size_t colour, const std::string& coordinates_text) {
  fmt::format_to(std::back_inserter(svg), R"(<polyline class="{} c{}" points="{}"/>)", kind, colour, coordinates_text);
}

void draw_dots(std::string& svg, const Frame& f, const ChartLine& line, size_t colour) {
  for (const SeriesPoint& p : line.points) {
    fmt::format_to(
        std::back_inserter(svg),
        R"(<circle class="dot c{}" cx="{:.1f}" cy="{:.1f}" r="3.5"><title>{}, step {:.0f}: {}</title></circle>)",
        colour, f.px(p.step), f.py(p.mean), html_escape(line.name), p.step, value_text(p.mean));
  }
}

void draw_line(std::string& svg, const Frame& f, const ChartLine& line, size_t colour) {
  const std::vector<SeriesPoint>& points = line.points;
  const std::string means = coordinates(f, points, [&](size_t i) { return points[i].mean; });
  if (line.marked) {
    draw_polyline(svg, "joined", colour, means);
    draw_dots(svg, f, line, colour);
    return;
  }
  if (points.size() == 1) return draw_dots(svg, f, line, colour);
  if (line.condensed) draw_band(svg, f, points, colour);
  if (!line.noisy || points.size() < kSmoothFrom) return draw_polyline(svg, "curve", colour, means);
  const std::vector<double> smooth = smoothed(points);
  draw_polyline(svg, "faint", colour, means);
  draw_polyline(svg, "curve", colour, coordinates(f, points, [&](size_t i) { return smooth[i]; }));
}

std::string legend(const Chart& chart) {
  std::string html = R"(<ul class="legend">)";
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    const ChartLine& line = chart.lines[i];
    const double last = line.points.empty() ? 0 : line.points.back().mean;
    fmt::format_to(std::back_inserter(html), R"(<li><span class="key c{}{}"></span>{} <b>{}</b>)", i,
                   line.marked ? " dotted" : "", html_escape(line.name), value_text(last));
    if (line.non_finite > 0) {
      fmt::format_to(std::back_inserter(html), R"( <em>{} NaN or Inf left out</em>)", line.non_finite);
    }
    html += "</li>";
  }
  return html + "</ul>";
}

}  // namespace

std::vector<double> smoothed(const std::vector<SeriesPoint>& points) {
  const auto count = static_cast<int64_t>(points.size());
  const int64_t reach = std::max<int64_t>(2, count / 30);
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) {
    double w_sum = 0, x_sum = 0, xx_sum = 0, y_sum = 0, xy_sum = 0;
    for (int64_t j = std::max<int64_t>(0, i - reach); j <= std::min(count - 1, i + reach); ++j) {
      const SeriesPoint& p = points[static_cast<size_t>(j)];
      const auto w = static_cast<double>(reach + 1 - std::abs(i - j));
      const double x = p.step - points[static_cast<size_t>(i)].step;
      w_sum += w;
      x_sum += w * x;
      xx_sum += w * x * x;
      y_sum += w * p.mean;
      xy_sum += w * x * p.mean;
    }
    const double determinant = w_sum * xx_sum - x_sum * x_sum;
    values.push_back(determinant > 0 ? (xx_sum * y_sum - x_sum * xy_sum) / determinant : y_sum / w_sum);
  }
  return values;
}

std::string chart_html(const Chart& chart) {
  std::string html = fmt::format(R"(<figure class="chart"><figcaption><h3>{}</h3>{}</figcaption>)",
                                 html_escape(chart.title), legend(chart));
  fmt::format_to(std::back_inserter(html), R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", kWidth, kHeight,
                 html_escape(chart.title));
  const Frame frame = frame_of(chart);
  draw_axes(html, frame);
  for (size_t i = 0; i < chart.lines.size(); ++i) draw_line(html, frame, chart.lines[i], i);
  return html + "</svg></figure>\n";
}

}  // namespace tern
