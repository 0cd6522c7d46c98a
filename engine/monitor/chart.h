// Line charts as inline SVG: no script, colours from the page's style sheet (so that they follow light and dark).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/monitor/history.h"

namespace tern {

struct ChartLine {
  std::string name = {};
  std::vector<SeriesPoint> points = {};
  bool marked = false;     // evaluations: a dot each, joined by a dashed line; otherwise a curve
  bool noisy = true;       // drawn smoothed, with the values faintly behind; false for a schedule
  bool condensed = false;  // points stand for several steps: the range of their values is shaded
  int64_t non_finite = 0;  // values left out; the legend tells
};

struct Chart {
  std::string title = {};
  std::vector<ChartLine> lines = {};
  double last_step = 0;     // the x axis runs from 0 to here, so that a page's charts line up
  bool from_zero = false;   // accuracies and rates: the y axis starts at 0
  bool may_be_log = false;  // losses: logarithmic when the values span more than a factor of 50
};

// HTML <figure>: title, legend with each line's last value, SVG. Noisy curves of 50 points and more are drawn faintly
// under a smoothed copy.
[[nodiscard]] std::string chart_html(const Chart& chart);

// At each point the weighted straight-line fit of its neighbourhood (a 30th of the points to each side, triangular
// weights): unlike a moving average it doesn't lag behind slopes, nor bend at the ends.
[[nodiscard]] std::vector<double> smoothed(const std::vector<SeriesPoint>& points);

}  // namespace tern
