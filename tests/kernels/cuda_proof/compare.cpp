#include "tests/kernels/cuda_proof/compare.h"

#include <cmath>
#include <cstdio>

namespace tern::kernels::test {
namespace {

// By how much a difference exceeds what is allowed: at most 1 is fine.
double excess(double value, double expected, const Tolerance& tolerance) {
  if (std::isnan(expected) || std::isnan(value)) return std::isnan(expected) && std::isnan(value) ? 0 : INFINITY;
  if (value == expected) return 0;
  const double allowed = tolerance.absolute + tolerance.relative * std::fabs(expected);
  return allowed > 0 ? std::fabs(value - expected) / allowed : INFINITY;
}

std::string compare_one(const Output& output, const std::vector<double>& expected, const Tolerance& tolerance) {
  if (output.values.size() != expected.size())
    return output.name + ": " + std::to_string(output.values.size()) + " values instead of " +
           std::to_string(expected.size()) + "\n";
  size_t bad = 0, worst = 0;
  double worst_excess = 1;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double by = excess(output.values[i], expected[i], tolerance);
    if (by <= 1) continue;
    ++bad;
    if (by > worst_excess) worst_excess = by, worst = i;
  }
  if (bad == 0) return "";
  char text[256];
  std::snprintf(text, sizeof text,
                ": %zu of %zu values differ; worst [%zu] is %.9g instead of %.9g (allowed %.3g + %.3g relative)\n", bad,
                expected.size(), worst, output.values[worst], expected[worst], tolerance.absolute, tolerance.relative);
  return output.name + text;
}

}  // namespace

std::string compare(const std::vector<Output>& outputs, const std::vector<Expected>& expected) {
  if (outputs.size() != expected.size()) return "number of outputs differs\n";
  std::string report;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].name != expected[i].name)
      return outputs[i].name + " came where " + expected[i].name + " was expected\n";
    report += compare_one(outputs[i], expected[i].values, expected[i].tolerance);
  }
  return report;
}

std::string compare_engines(const std::vector<Output>& outputs, const std::vector<Output>& reference,
                            const std::vector<Expected>& expected) {
  if (outputs.size() != reference.size()) return "number of outputs differs\n";
  std::string report;
  for (size_t i = 0; i < outputs.size(); ++i)
    report += compare_one(outputs[i], reference[i].values, expected[i].engines);
  return report;
}

}  // namespace tern::kernels::test
