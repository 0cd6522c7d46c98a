#include "kernels/rms_norm/rms_norm.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

constexpr double kEps = 1e-5;

at::Tensor plain_norm(const at::Tensor& s) {
  return s * (s.square().mean(-1, true) + kEps).rsqrt();
}
at::Tensor plain(const std::vector<at::Tensor>& in) {
  return plain_norm(in[0]);
}
at::Tensor plain_residual(const std::vector<at::Tensor>& in) {
  return plain_norm(in[0] + in[1]);
}
at::Tensor fused(const std::vector<at::Tensor>& in) {
  return kernels::rms_norm(in[0], kEps);
}
at::Tensor fused_residual(const std::vector<at::Tensor>& in) {
  return kernels::rms_norm_residual(in[0], in[1], kEps);
}

// Forward: a sum of up to 8192 positive terms spread over lanes, a root, a division and two products: 40 roundings is
// generous. Backward takes y, which is itself rounded (to bfloat16 in that case: two roundings of 2^-9 per element, on
// values up to 4), and multiplies by rstd, up to 300 for a row of width 1 near 0.
Tolerance backward_tolerance(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return {0x1p-7, 0.1};
  return rounding_tolerance(dtype, 200, 4);
}

TEST(RmsNorm, MatchesPlainAtAwkwardWidths) {
  for (auto dtype : float_types()) {
    for (int64_t width : awkward_widths()) {
      const auto x = randn({5, width}, 1, dtype), residual = randn({5, width}, 2, dtype);
      const auto tolerance = rounding_tolerance(dtype, 40);
      EXPECT_TRUE(matches_plain(fused, plain, {x}, tolerance, backward_tolerance(dtype))) << dtype << " " << width;
      EXPECT_TRUE(matches_plain(fused_residual, plain_residual, {x, residual}, tolerance, backward_tolerance(dtype)))
          << dtype << " " << width;
    }
  }
}

TEST(RmsNorm, GradcheckInFloat64) {
  EXPECT_TRUE(gradcheck(fused, {randn({3, 9}, 3)}));
  EXPECT_TRUE(gradcheck(fused_residual, {randn({2, 17}, 4), randn({2, 17}, 5)}));
}

// Added in the same pass, the parts are not rounded to bfloat16 between.
TEST(RmsNorm, BackwardAddsTheTwoPartsOfItsGradient) {
  for (auto dtype : float_types()) {
    for (int64_t width : awkward_widths()) {
      const auto y = randn({5, width}, 1, dtype), first = randn({5, width}, 2, dtype);
      const auto second = randn({5, width}, 3, dtype);
      const auto rstd = randn({5}, 4, dtype == at::kDouble ? at::kDouble : at::kFloat).abs();
      const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kDouble); };
      at::Tensor ds, alone, expected;
      kernels::rms_norm_backward(wide(first) + wide(second), wide(y), wide(rstd), expected);
      kernels::rms_norm_residual_backward(first, second, y, rstd, ds);
      const auto tolerance = rounding_tolerance(dtype, 40, 8);
      EXPECT_TRUE(close(ds, expected, tolerance.relative, tolerance.absolute)) << dtype << " " << width;
      kernels::rms_norm_residual_backward(first, {}, y, rstd, ds);
      kernels::rms_norm_backward(first, y, rstd, alone);
      EXPECT_TRUE(same(ds, alone)) << dtype << " " << width;
    }
  }
}

TEST(RmsNorm, TakesStridedInputs) {
  const auto x = randn({6, 4, 10}, 6, at::kFloat).transpose(0, 2);
  EXPECT_TRUE(matches_plain(fused, plain, {x}, rounding_tolerance(at::kFloat, 40), backward_tolerance(at::kFloat)));
}

TEST(RmsNorm, NoRowsAndZeroRows) {
  EXPECT_EQ(kernels::rms_norm(at::zeros({0, 8}), kEps).sizes(), at::IntArrayRef({0, 8}));
  EXPECT_EQ(kernels::rms_norm(at::zeros({8}), kEps).sizes(), at::IntArrayRef({8}));
  EXPECT_TRUE(matches_plain(fused, plain, {at::zeros({2, 8})}, {}, {1e-6, 0}));
}

TEST(RmsNorm, WritesInPlace) {
  for (auto dtype : float_types()) {
    const auto x = randn({5, 33}, 7, dtype), residual = randn({5, 33}, 8, dtype), dy = randn({5, 33}, 9, dtype);
    at::Tensor y, rstd, dx;
    kernels::rms_norm_residual_forward(x, residual, kEps, y, rstd);
    kernels::rms_norm_backward(dy, y, rstd, dx);
    at::Tensor over_x = x.clone(), over_residual = residual.clone(), over_dy = dy.clone();
    kernels::rms_norm_residual_forward(over_x, residual, kEps, over_x, rstd);
    kernels::rms_norm_residual_forward(x, over_residual, kEps, over_residual, rstd);
    kernels::rms_norm_backward(over_dy, y, rstd, over_dy);
    EXPECT_TRUE(same(over_x, y));
    EXPECT_TRUE(same(over_residual, y));
    EXPECT_TRUE(same(over_dy, dx));
  }
}

TEST(RmsNorm, RefusesBadArguments) {
  const auto x = randn({2, 4}, 1, at::kFloat);
  at::Tensor y, rstd;
  const auto run = [&](const at::Tensor& input, const at::Tensor& residual) {
    return [=] {
      at::Tensor out, out_rstd;
      kernels::rms_norm_residual_forward(input, residual, kEps, out, out_rstd);
    };
  };
  expect_usage_error(run(x.t(), x), "[rms_norm] x must be contiguous, got strides [1, 4]");
  expect_usage_error(run(x, x.to(at::kDouble)), "[rms_norm] residual must be of the dtype of x (float32), got float64");
  expect_usage_error(run(x, randn({2, 5}, 1, at::kFloat)),
                     "[rms_norm] residual must be of the shape of x [2, 4], got [2, 5]");
  expect_usage_error(run(x.to(at::kHalf), x),
                     "[rms_norm] x must be of dtype float32 or bfloat16 or float64, got float16");
  expect_usage_error(run(x.to(at::Device("meta")), x), "[rms_norm] x must be on the CPU or a GPU, got device meta");
  expect_usage_error(run(at::Tensor(), x), "[rms_norm] x must be a tensor, got an undefined tensor");
  expect_usage_error(run(at::zeros({2, 0}), x), "[rms_norm] residual must be of the shape of x [2, 0], got [2, 4]");
  expect_usage_error(run(at::zeros({2, 0}), at::zeros({2, 0})),
                     "[rms_norm] x must be of last dimension 1 or more, got 0");
  at::Tensor ds;
  expect_usage_error([&] { kernels::rms_norm_residual_backward(x, x.t(), x, at::zeros({2}), ds); },
                     "[rms_norm] dy_second must be of the shape of y [2, 4], got [4, 2]");
  at::Tensor short_rstd = at::zeros({3});
  expect_usage_error([&] { kernels::rms_norm_forward(x, kEps, y, short_rstd); },
                     "[rms_norm] rstd must be of shape [2], got [3]");
}

}  // namespace
}  // namespace tern::test
