// Where a chart's axis has its ticks and how they are labelled.
#pragma once

#include <string>
#include <vector>

namespace tern {

struct Axis {
  double low = 0;
  double high = 1;
  bool logarithmic = false;
  std::vector<double> ticks = {};
  std::vector<std::string> labels = {};

  // Position of a value between 0 (low) and 1 (high); outside values lie outside.
  [[nodiscard]] double position(double value) const;
};

// About `count` ticks at 1, 2 or 5 times a power of ten. The axis spans [low, high] and, if widen, on to the ticks
// around it. An empty range is widened so that a flat curve lies in the middle.
[[nodiscard]] Axis linear_axis(double low, double high, int count, bool widen);

// Ticks at powers of ten, with 2 and 5 times them where there are few. Needs 0 < low.
[[nodiscard]] Axis log_axis(double low, double high);

// Labels that tell neighbouring ticks apart without noise: "0", "0.5"; "10k", "20k"; "5e-5", "1e-4".
[[nodiscard]] std::vector<std::string> tick_labels(const std::vector<double>& ticks);

}  // namespace tern
