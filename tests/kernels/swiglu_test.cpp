#include "kernels/swiglu/swiglu.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

at::Tensor plain(const std::vector<at::Tensor>& in) {
  const auto halves = in[0].chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}
at::Tensor fused(const std::vector<at::Tensor>& in) {
  return kernels::swiglu(in[0]);
}

// exp is good to 2 units in the last place (4 roundings); about ten further operations, on values up to 4 * 4.
Tolerance tolerance(at::ScalarType dtype) {
  return rounding_tolerance(dtype, 16, 16);
}

TEST(SwiGlu, MatchesPlainAtAwkwardWidths) {
  for (auto dtype : float_types()) {
    for (int64_t inter : awkward_widths()) {
      EXPECT_TRUE(matches_plain(fused, plain, {randn({3, 2 * inter}, 1, dtype)}, tolerance(dtype), tolerance(dtype)))
          << dtype << " " << inter;
    }
  }
}

// Of every size, sign and kind of number; the exponential is the only part that could differ.
TEST(SwiGlu, HasTheBitsOfTheComposition) {
  constexpr int64_t kCount = int64_t{1} << 20;
  const at::Tensor bits = at::arange(kCount, at::kLong).mul(4093).sub(int64_t{1} << 31).to(at::kInt);
  const at::Tensor gate = bits.view(at::kFloat), up = randn({kCount}, 1, at::kFloat);
  at::Tensor out;
  kernels::swiglu_forward(at::cat({gate, up}).view({1, 2 * kCount}), out);
  const at::Tensor expected = at::silu(gate) * up, is_nan = expected.isnan();
  EXPECT_TRUE(out.view(-1).isnan().equal(is_nan));
  EXPECT_TRUE(same(out.view(-1).masked_fill(is_nan, 0), expected.masked_fill(is_nan, 0)));
}

TEST(SwiGlu, GradcheckInFloat64) {
  EXPECT_TRUE(gradcheck(fused, {randn({3, 18}, 2)}));
}

TEST(SwiGlu, TakesStridedInputs) {
  const auto packed = randn({4, 6, 10}, 3, at::kFloat).transpose(0, 2);
  EXPECT_TRUE(matches_plain(fused, plain, {packed}, tolerance(at::kFloat), tolerance(at::kFloat)));
}

TEST(SwiGlu, NoRows) {
  EXPECT_EQ(kernels::swiglu(at::zeros({0, 8})).sizes(), at::IntArrayRef({0, 4}));
}

TEST(SwiGlu, ExtremeGatesNeitherOverflowNorHideNan) {
  const auto gates = at::tensor({-1e30, -200.0, -88.0, -87.0, 88.0, 200.0, 1e30, std::nan("")}, at::kFloat);
  const auto packed = at::cat({gates, at::full({8}, 1.0, at::kFloat)}).view({1, 16});
  const auto out = kernels::swiglu(packed);
  // silu(-87) is about 1e-36; below, the exact value is no longer a normal number.
  EXPECT_TRUE(close(out, plain({packed.to(at::kDouble)}), 1e-6, 1e-34));
}

TEST(SwiGlu, WritesInPlaceAndRecomputesTheOutput) {
  for (auto dtype : float_types()) {
    const auto packed = randn({5, 66}, 4, dtype), dout = randn({5, 33}, 5, dtype);
    at::Tensor out, d_packed;
    kernels::swiglu_forward(packed, out);
    kernels::swiglu_backward(dout, packed, d_packed);
    at::Tensor over_packed = packed.clone(), over_dout = dout.clone();
    kernels::swiglu_backward_recompute(over_dout, over_packed, over_packed, over_dout);
    EXPECT_TRUE(same(over_packed, d_packed));
    EXPECT_TRUE(close(over_dout, out, dtype == at::kBFloat16 ? 0x1p-7 : 1e-6, 0)) << dtype;
  }
}

TEST(SwiGlu, RefusesBadArguments) {
  at::Tensor out, d_packed;
  expect_usage_error(
      [&] {
        kernels::swiglu_forward(at::zeros({2, 5}), out);
      },
      "[swiglu] gate_up must be of an even last dimension above 0, got 5");
  expect_usage_error(
      [&] {
        kernels::swiglu_forward(at::zeros({2, 6}).t(), out);
      },
      "[swiglu] gate_up must be contiguous, got strides [1, 6]");
  expect_usage_error(
      [&] {
        kernels::swiglu_backward(at::zeros({2, 4}), at::zeros({2, 6}), d_packed);
      },
      "[swiglu] dout must be of shape [2, 3], got [2, 4]");
  out = at::zeros({2, 6});
  expect_usage_error(
      [&] {
        kernels::swiglu_forward(at::zeros({2, 6}), out);
      },
      "[swiglu] out must be of shape [2, 3], got [2, 6]");
}

}  // namespace
}  // namespace tern::test
