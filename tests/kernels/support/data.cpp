#include "tests/kernels/support/data.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

namespace tern::kernels::test {

float float_of(Bf16 value) {
  return std::bit_cast<float>(uint32_t{value.bits} << 16);
}

Bf16 bf16_of(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (value != value) return {0x7fff};
  return {static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

namespace {}  // namespace

// Box-Muller on mt19937, both fixed by their definitions; std::normal_distribution is not.
std::vector<float> normal_floats(size_t n, unsigned seed, float scale) {
  std::mt19937 random(seed);
  std::vector<float> values(n);
  const auto uniform = [&] { return (static_cast<double>(random()) + 0.5) * 0x1p-32; };
  for (float& value : values) {
    const double radius = std::sqrt(-2 * std::log(uniform())), angle = 2 * std::numbers::pi * uniform();
    value = scale * static_cast<float>(radius * std::cos(angle));
  }
  return values;
}

template <>
std::vector<float> convert(const std::vector<float>& values) {
  return values;
}
template <>
std::vector<Bf16> convert(const std::vector<float>& values) {
  std::vector<Bf16> converted;
  converted.reserve(values.size());
  for (float value : values) converted.push_back(bf16_of(value));
  return converted;
}

std::vector<double> to_doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}
std::vector<double> to_doubles(const std::vector<int>& values) {
  return {values.begin(), values.end()};
}
std::vector<double> to_doubles(const std::vector<int64_t>& values) {
  return {values.begin(), values.end()};
}
std::vector<double> to_doubles(const std::vector<Bf16>& values) {
  std::vector<double> converted;
  converted.reserve(values.size());
  for (Bf16 value : values) converted.push_back(float_of(value));
  return converted;
}

void append(std::vector<double>& all, const std::vector<double>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace tern::kernels::test
