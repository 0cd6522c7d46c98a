// Tensors for tests: seeded random values and comparisons that say where they failed.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace tern::test {

// Normal values of a fixed seed.
at::Tensor randn(at::IntArrayRef sizes, uint64_t seed, at::ScalarType dtype = at::kDouble);

// |actual - expected| <= absolute + relative * |expected| for every element; NaN equals NaN. Compared in float64.
testing::AssertionResult close(const at::Tensor& actual, const at::Tensor& expected, double relative, double absolute);

// The same bits, dtype and shape.
testing::AssertionResult same(const at::Tensor& actual, const at::Tensor& expected);

}  // namespace tern::test
