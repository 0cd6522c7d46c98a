// Random inputs for kernel tests, and conversions to what the comparison works on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/simt/tile_ops.h"

namespace tern::kernels::test {

// n values of N(0, scale^2), the same on every machine.
std::vector<float> normal_floats(size_t n, unsigned seed, float scale = 1.0f);

template <class T>
std::vector<T> convert(const std::vector<float>& values);
template <>
std::vector<float> convert(const std::vector<float>& values);
template <>
std::vector<Bf16> convert(const std::vector<float>& values);

std::vector<double> to_doubles(const std::vector<float>& values);
std::vector<double> to_doubles(const std::vector<Bf16>& values);
std::vector<double> to_doubles(const std::vector<int>& values);
std::vector<double> to_doubles(const std::vector<int64_t>& values);

// One value; nvcc has tile_ops.h's conversions in device code only.
Bf16 bf16_of(float value);
float float_of(Bf16 value);

// Concatenates: outputs of many buffers under one name.
void append(std::vector<double>& all, const std::vector<double>& more);

}  // namespace tern::kernels::test
