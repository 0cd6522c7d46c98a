// How parity programs compare numbers with recorded ones.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace tern {

// Below this size a difference is judged absolutely: nothing is meaningful about the ratio of two rounding errors.
inline constexpr double kAbsoluteFloor = 1e-6;

// Largest relative deviation seen in one class of numbers, and where.
struct Deviation {
  double largest = 0;
  std::string where;

  void see(double ours, double recorded, const std::string& name, double floor = kAbsoluteFloor) {
    const double scale = std::max(std::abs(recorded), floor);
    const double relative = std::isfinite(ours) ? std::abs(ours - recorded) / scale : INFINITY;
    if (relative > largest || where.empty()) {
      largest = std::max(largest, relative);
      where = name;
    }
  }

  [[nodiscard]] nlohmann::ordered_json to_json() const {
    return {{"max_relative_deviation", largest}, {"where", where}};
  }
};

inline double l2_norm(const at::Tensor& tensor) {
  return tensor.detach().to(at::kDouble).norm().item<double>();
}

}  // namespace tern
