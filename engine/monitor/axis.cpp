#include "engine/monitor/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace tern {

namespace {

// The smallest of 1, 2, 5, 10 times a power of ten that is at least `rough`.
double nice_step(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

// "5e-5": fmt's %g without the padding of the exponent.
std::string scientific(double value) {
  const auto exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
  return fmt::format("{:.3g}e{}", value / std::pow(10.0, exponent), exponent);
}

std::string tick_label(double tick, double largest) {
  constexpr std::array<std::pair<double, std::string_view>, 3> suffixes = {{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  if (tick == 0) return "0";
  if (largest < 1e-2 || largest >= 1e13) return scientific(tick);
  for (const auto& [unit, suffix] : suffixes) {
    if (largest >= 10 * unit || (unit > 1e3 && largest >= unit)) return fmt::format("{:.6g}{}", tick / unit, suffix);
  }
  return fmt::format("{:.6g}", tick);
}

}  // namespace

double Axis::position(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

Axis linear_axis(double low, double high, int count, bool widen) {
  if (!(high > low)) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.5;
    low -= room;
    high += room;
    widen = false;
  }
  const double step = nice_step((high - low) / count);
  Axis axis{.low = low, .high = high};
  if (widen) {
    axis.low = std::floor(low / step + 1e-9) * step;
    axis.high = std::ceil(high / step - 1e-9) * step;
  }
  // Counted in whole steps: adding up would drift off the round numbers.
  const auto last = static_cast<int64_t>(std::floor(axis.high / step + 1e-9));
  for (auto i = static_cast<int64_t>(std::ceil(axis.low / step - 1e-9)); i <= last; ++i) {
    axis.ticks.push_back(static_cast<double>(i) * step);
  }
  axis.labels = tick_labels(axis.ticks);
  return axis;
}

Axis log_axis(double low, double high) {
  if (!(high > low)) {
    low /= 2;
    high *= 2;
  }
  Axis axis{.low = low, .high = high, .logarithmic = true};
  const auto first = static_cast<int>(std::floor(std::log10(low)));
  const auto last = static_cast<int>(std::ceil(std::log10(high)));
  const bool few = last - first <= 3;
  const int stride = std::max(1, (last - first) / 6);
  for (int exponent = first; exponent <= last; ++exponent) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10.0, exponent);
      const bool shown = factor == 1 ? (exponent - first) % stride == 0 : few;
      if (shown && tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) axis.ticks.push_back(tick);
    }
  }
  for (const double tick : axis.ticks) axis.labels.push_back(tick_label(tick, tick));
  return axis;
}

std::vector<std::string> tick_labels(const std::vector<double>& ticks) {
  double largest = 0;
  for (const double tick : ticks) largest = std::max(largest, std::abs(tick));
  std::vector<std::string> labels;
  for (const double tick : ticks) labels.push_back(tick_label(tick, largest));
  return labels;
}

}  // namespace tern
