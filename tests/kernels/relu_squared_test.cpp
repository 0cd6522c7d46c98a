#include "kernels/relu_squared/relu_squared.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

at::Tensor plain(const std::vector<at::Tensor>& in) {
  return in[0].relu().square();
}
at::Tensor fused(const std::vector<at::Tensor>& in) {
  return kernels::relu_squared(in[0]);
}

// One product forward, two backward, each rounded once.
Tolerance tolerance(at::ScalarType dtype) {
  return {rounding_tolerance(dtype, 2).relative, 0};
}

TEST(ReluSquared, MatchesPlainAtAwkwardWidths) {
  for (auto dtype : float_types()) {
    for (int64_t width : awkward_widths()) {
      EXPECT_TRUE(matches_plain(fused, plain, {randn({3, width}, 1, dtype)}, tolerance(dtype), tolerance(dtype)))
          << dtype << " " << width;
    }
  }
}

// Large results are written past the caches, whole vectors at their own addresses only.
TEST(ReluSquared, LargeResultsHaveTheBitsOfTheComposition) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const int64_t size = (int64_t{1} << (dtype == at::kFloat ? 20 : 21)) + 5;
    const at::Tensor x = randn({size + 1}, 1, at::kFloat).to(dtype);
    for (const int64_t shift : {0, 1}) {
      const at::Tensor in = x.narrow(0, shift, size);
      at::Tensor out = at::empty({size + 1}, dtype).narrow(0, shift, size);
      kernels::relu_squared_forward(in, out);
      EXPECT_TRUE(same(out, in.relu().square())) << dtype << " " << shift;
    }
  }
}

TEST(ReluSquared, GradcheckInFloat64) {
  EXPECT_TRUE(gradcheck(fused, {randn({3, 9}, 2)}));
}

TEST(ReluSquared, StridedEmptyAndNan) {
  const auto x = randn({4, 6}, 3, at::kFloat).t();
  EXPECT_TRUE(matches_plain(fused, plain, {x}, tolerance(at::kFloat), tolerance(at::kFloat)));
  EXPECT_EQ(kernels::relu_squared(at::zeros({0, 3})).numel(), 0);
  EXPECT_TRUE(std::isnan(kernels::relu_squared(at::tensor({1.0f, std::nanf("")}))[1].item<float>()));
}

TEST(ReluSquared, WritesInPlace) {
  const auto x = randn({5, 33}, 4, at::kFloat), dout = randn({5, 33}, 5, at::kFloat);
  at::Tensor out, dx, over_x = x.clone(), over_dout = dout.clone(), dx_over_x = x.clone();
  kernels::relu_squared_forward(x, out);
  kernels::relu_squared_backward(dout, x, dx);
  kernels::relu_squared_forward(over_x, over_x);
  kernels::relu_squared_backward(over_dout, x, over_dout);
  kernels::relu_squared_backward(dout, dx_over_x, dx_over_x);
  EXPECT_TRUE(same(over_x, out));
  EXPECT_TRUE(same(over_dout, dx));
  EXPECT_TRUE(same(dx_over_x, dx));
}

TEST(ReluSquaredLinear, HasTheBitsOfTheTwoOpsForwardAndBackward) {
  for (const auto dtype : float_types()) {
    for (const auto& sizes : std::vector<std::vector<int64_t>>{{2, 37, 48}, {5, 48}}) {
      const auto run = [&](bool one) {
        const at::Tensor x = randn(sizes, 1, dtype).set_requires_grad(true);
        const at::Tensor weight = randn({20, 48}, 2, dtype).set_requires_grad(true);
        const at::Tensor out =
            one ? kernels::relu_squared_linear(x, weight) : at::linear(kernels::relu_squared(x), weight);
        out.backward(randn(out.sizes(), 3, dtype));
        return std::vector{out.detach(), x.grad(), weight.grad()};
      };
      const std::vector<at::Tensor> one = run(true), two = run(false);
      for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(same(one[i], two[i])) << dtype << " " << sizes << " " << i;
    }
  }
}

TEST(ReluSquaredLinear, GradcheckInFloat64) {
  const auto op = [](const std::vector<at::Tensor>& in) { return kernels::relu_squared_linear(in[0], in[1]); };
  EXPECT_TRUE(gradcheck(op, {randn({2, 3, 5}, 2), randn({4, 5}, 3)}));
}

TEST(ReluSquared, RefusesBadArguments) {
  at::Tensor out;
  expect_usage_error(
      [&] {
        kernels::relu_squared_forward(at::zeros({2, 6}).t(), out);
      },
      "[relu_squared] x must be contiguous, got strides [1, 6]");
  expect_usage_error([&] { kernels::relu_squared_backward(at::zeros({2}), at::zeros({3}), out); },
                     "[relu_squared] dout must be of the shape of x [3], got [2]");
}

}  // namespace
}  // namespace tern::test
