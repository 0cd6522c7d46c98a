#include "kernels/post_norm/post_norm.h"

#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

constexpr double kEps = 1e-5;

struct Results {
  at::Tensor kept, y, rstd, ds;  // kept: the sum, on the CPU
};

Results fused(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& dy_first, const at::Tensor& dy_second,
              int64_t columns) {
  Results out;
  out.kept = residual.clone();
  out.y = kernels::post_norm_forward_(x, out.kept, kEps, columns, out.rstd);
  kernels::post_norm_backward(dy_first, dy_second, out.kept, out.rstd, columns, out.ds);
  return out;
}

// ATen's composition and its autograd, along dimension `dim` of what it is given.
Results plain(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& dy, int64_t dim) {
  Results out;
  const at::Tensor leaf = (x + residual).set_requires_grad(true);
  const at::Tensor rstd = (leaf.square().mean(dim, true) + kEps).rsqrt();
  const at::Tensor y = leaf * rstd;
  y.backward(dy);
  out.kept = leaf.detach();
  out.y = y.detach();
  out.rstd = rstd.detach().squeeze(dim);
  out.ds = leaf.grad();
  return out;
}

void expect_close(const Results& actual, const Results& expected, at::ScalarType dtype, const std::string& what) {
  // A sum of up to 515 terms, a root, a division and a few products of values up to 8; rstd is up to 300 near a row of
  // zeros. bfloat16: the sum is rounded first, which the products of the backward pass enlarge.
  const Tolerance forward = rounding_tolerance(dtype, 40, 8);
  const Tolerance backward = dtype == at::kBFloat16 ? Tolerance{0x1p-6, 0.1} : rounding_tolerance(dtype, 200, 8);
  EXPECT_TRUE(close(actual.kept, expected.kept, forward.relative, forward.absolute)) << what;
  EXPECT_TRUE(close(actual.y, expected.y, 4 * forward.relative, forward.absolute)) << what;
  EXPECT_TRUE(close(actual.rstd, expected.rstd, 4 * forward.relative, forward.absolute)) << what;
  EXPECT_TRUE(close(actual.ds, expected.ds, backward.relative, backward.absolute)) << what;
}

TEST(PostNorm, MatchesPlainInFloat64) {
  for (auto dtype : float_types()) {
    for (int64_t width : awkward_widths()) {
      const auto x = randn({6, width}, 1, dtype), residual = randn({6, width}, 2, dtype);
      const auto dy = randn({6, width}, 3, dtype), more = randn({6, width}, 4, dtype);
      const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kDouble); };
      const auto one = plain(wide(x), wide(residual), wide(dy), -1);
      const auto two = plain(wide(x), wide(residual), wide(dy) + wide(more), -1);
      for (int64_t columns : {0, 3}) {
        const auto what = fmt::format("{} {} {}", c10::toString(dtype), width, columns);
        expect_close(fused(x, residual, dy, {}, columns), one, dtype, what);
        expect_close(fused(x, residual, dy, more, columns), two, dtype, what + " two parts");
      }
    }
  }
}

TEST(PostNorm, HasTheBitsOfTheComposition) {
  for (int64_t width : awkward_widths()) {
    const auto x = randn({6, width}, 1, at::kFloat), residual = randn({6, width}, 2, at::kFloat);
    const auto dy = randn({6, width}, 3, at::kFloat), more = randn({6, width}, 4, at::kFloat);
    const auto expected = plain(x, residual, dy + more, -1);
    const auto actual = fused(x, residual, dy, more, 0);
    EXPECT_TRUE(same(actual.y, expected.y)) << width;
    EXPECT_TRUE(same(actual.rstd, expected.rstd)) << width;
    EXPECT_TRUE(same(actual.ds, expected.ds)) << width;
  }
}

TEST(PostNorm, HasTheBitsOfTheCompositionAlongColumns) {
  constexpr int64_t groups = 2, columns = 21;
  for (int64_t width : awkward_widths()) {
    // Row g * columns + c here is column c of matrix g there.
    const auto there = [&](uint64_t seed) { return randn({groups, width, columns}, seed, at::kFloat); };
    const auto here = [&](const at::Tensor& t) { return t.transpose(1, 2).reshape({groups * columns, width}); };
    const auto x = there(1), residual = there(2), dy = there(3);
    const auto expected = plain(x, residual, dy, 1);
    const auto actual = fused(here(x), here(residual), here(dy), {}, columns);
    EXPECT_TRUE(same(actual.y, here(expected.y))) << width;
    EXPECT_TRUE(same(actual.rstd, expected.rstd.reshape(-1))) << width;
    EXPECT_TRUE(same(actual.ds, here(expected.ds))) << width;
  }
}

TEST(PostNorm, OutputIsTheForwardPassesAgainAndTheDerivativeMayOverwriteItsInput) {
  for (auto dtype : float_types()) {
    const auto x = randn({5, 33}, 1, dtype), residual = randn({5, 33}, 2, dtype), dy = randn({5, 33}, 3, dtype);
    for (const auto& more : {at::Tensor(), randn({5, 33}, 4, dtype)}) {
      const auto expected = fused(x, residual, dy, more, 0);
      EXPECT_TRUE(same(kernels::post_norm_output(expected.kept, expected.rstd), expected.y)) << dtype;
      at::Tensor over = dy.clone();
      kernels::post_norm_backward(over, more, expected.kept, expected.rstd, 0, over);
      EXPECT_TRUE(same(over, expected.ds)) << dtype;
    }
  }
}

TEST(PostNorm, NoRows) {
  const auto out = fused(at::zeros({0, 8}), at::zeros({0, 8}), at::zeros({0, 8}), {}, 0);
  EXPECT_EQ(out.y.sizes(), at::IntArrayRef({0, 8}));
  EXPECT_EQ(out.ds.sizes(), at::IntArrayRef({0, 8}));
}

TEST(PostNorm, RefusesBadArguments) {
  const auto x = randn({6, 4}, 1, at::kFloat);
  const auto forward = [](const at::Tensor& input, const at::Tensor& residual, int64_t columns) {
    return [=] {
      at::Tensor kept = residual, rstd;
      static_cast<void>(kernels::post_norm_forward_(input, kept, kEps, columns, rstd));
    };
  };
  const auto backward = [&](const at::Tensor& dy, const at::Tensor& more, const at::Tensor& rstd) {
    return [=] {
      at::Tensor ds;
      kernels::post_norm_backward(dy, more, x, rstd, 0, ds);
    };
  };
  expect_usage_error(forward(x.t(), x, 0), "[post_norm] x must be contiguous, got strides [1, 4]");
  expect_usage_error(forward(at::zeros({6, 0}), x, 0), "[post_norm] x must be of last dimension 1 or more, got 0");
  expect_usage_error(forward(x, randn({6, 5}, 1, at::kFloat), 0),
                     "[post_norm] kept must be of the shape of x [6, 4], got [6, 5]");
  for (int64_t columns : {-1, 4}) {
    expect_usage_error(
        forward(x, x.clone(), columns),
        "[post_norm] columns must be 0 or a divisor of the number of rows (6), got " + std::to_string(columns));
  }
  expect_usage_error(backward(x.to(at::kDouble), {}, at::zeros({6})),
                     "[post_norm] dy_first must be of the dtype of kept (float32), got float64");
  expect_usage_error(backward(x, at::zeros({5, 4}), at::zeros({6})),
                     "[post_norm] dy_second must be of the shape of kept [6, 4], got [5, 4]");
  expect_usage_error(backward(x, {}, at::zeros({5})), "[post_norm] rstd must be of shape [6], got [5]");
}

}  // namespace
}  // namespace tern::test
