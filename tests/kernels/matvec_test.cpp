#include "kernels/matvec/matvec.h"

#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

const std::vector<at::ScalarType> kTypes = {at::kFloat, at::kBFloat16, at::kChar};

at::Tensor plain(const at::Tensor& x, const std::vector<kernels::MatvecWeight>& weights) {
  std::vector<at::Tensor> products;
  for (const auto& weight : weights) {
    products.push_back(x.to(at::kDouble).matmul(kernels::unpack_matvec_weight(weight).to(at::kDouble).t()));
  }
  return at::cat(products, 1);
}

// Sums of up to 300 float32 products of normal values: 300 roundings of at most 2^-24 of the running sum each.
constexpr double kTolerance = 1e-4;

TEST(Matvec, MatchesPlainAtAwkwardWidths) {
  for (const auto type : kTypes) {
    for (const int64_t in : awkward_widths()) {
      for (const int64_t rows : {1, 3}) {
        const auto x = randn({rows, in}, 1, at::kFloat);
        std::vector<kernels::MatvecWeight> weights;
        for (const int64_t out : {1, 5, 8}) {
          weights.push_back(kernels::pack_matvec_weight(randn({out, in}, 10 + out, at::kFloat), type));
        }
        at::Tensor y;
        kernels::matvec(x, weights, y);
        EXPECT_TRUE(close(y, plain(x, weights), kTolerance, kTolerance)) << type << " " << in << " " << rows;
      }
    }
  }
}

// Whoever computes an output, with whatever neighbours, it has the same bits; the others are left alone.
TEST(Matvec, PartsAreThoseOfTheWhole) {
  for (const auto type : kTypes) {
    const auto x = randn({2, 77}, 1, at::kFloat);
    const auto weight = [&](int64_t out) {
      return kernels::pack_matvec_weight(randn({out, 77}, 10 + out, at::kFloat), type);
    };
    const std::vector<kernels::MatvecWeight> weights = {weight(9), weight(6), weight(12)};
    const kernels::Matvec product(weights);
    EXPECT_EQ(product.in(), 77);
    EXPECT_EQ(product.out(), 27);
    at::Tensor whole;
    kernels::matvec(x, weights, whole);
    for (const auto& [begin, end] :
         std::vector<std::pair<int64_t, int64_t>>{{0, 27}, {3, 4}, {7, 16}, {8, 26}, {5, 5}}) {
      at::Tensor part = at::full_like(whole, 7), expected = part.clone();
      expected.slice(1, begin, end).copy_(whole.slice(1, begin, end));
      product.compute(x.const_data_ptr<float>(), 2, begin, end, part.mutable_data_ptr<float>());
      EXPECT_TRUE(same(part, expected)) << type << " " << begin << " " << end;
    }
  }
}

TEST(Matvec, PacksWithinTheTypesPrecision) {
  const auto weight = randn({7, 100}, 1, at::kFloat);
  EXPECT_TRUE(same(kernels::unpack_matvec_weight(kernels::pack_matvec_weight(weight, at::kFloat)), weight));
  EXPECT_TRUE(
      close(kernels::unpack_matvec_weight(kernels::pack_matvec_weight(weight, at::kBFloat16)), weight, 0x1p-8, 0));
  // Half a step of each row's scale, and the scale's own rounding.
  const auto packed = kernels::pack_matvec_weight(weight, at::kChar);
  const auto error = (kernels::unpack_matvec_weight(packed) - weight).abs();
  EXPECT_TRUE(error.le(weight.abs().amax({1}, true) / 254 * 1.0001).all().item<bool>());
  EXPECT_EQ(packed.values.abs().max().item<int64_t>(), 127);
}

TEST(Matvec, RowsOfZerosStayZeros) {
  const auto packed = kernels::pack_matvec_weight(at::zeros({3, 20}, at::kFloat), at::kChar);
  at::Tensor y;
  kernels::matvec(randn({1, 20}, 1, at::kFloat), {{packed}}, y);
  EXPECT_TRUE(same(y, at::zeros({1, 3}, at::kFloat)));
}

TEST(Matvec, SharesFloat32Weights) {
  const auto weight = randn({4, 4}, 1, at::kFloat);
  EXPECT_EQ(kernels::pack_matvec_weight(weight, at::kFloat).values.data_ptr(), weight.data_ptr());
}

TEST(Matvec, RefusesBadArguments) {
  const auto x = randn({1, 4}, 1, at::kFloat), weight = randn({3, 4}, 2, at::kFloat);
  const kernels::MatvecWeight good = kernels::pack_matvec_weight(weight, at::kFloat);
  const kernels::MatvecWeight narrow = kernels::pack_matvec_weight(weight, at::kBFloat16);
  const kernels::MatvecWeight no_scales = {kernels::pack_matvec_weight(weight, at::kChar).values, {}};
  const kernels::MatvecWeight wide = kernels::pack_matvec_weight(randn({3, 5}, 2, at::kFloat), at::kFloat);
  at::Tensor y, small = at::zeros({1, 2}, at::kFloat);
  expect_usage_error([&] { kernels::matvec(x.to(at::kDouble), {{good}}, y); },
                     "[matvec] x must be of dtype float32, got float64");
  expect_usage_error([&] { kernels::matvec(x, {}, y); }, "[matvec] weights must be one or more, got none");
  expect_usage_error(
      [&] {
        kernels::matvec(x, {{good, narrow}}, y);
      },
      "[matvec] weights[1] must be of the dtype of weights[0] (float32), got bfloat16");
  expect_usage_error([&] { kernels::matvec(x, {{wide}}, y); }, "[matvec] x must be of shape [-1, 5], got [1, 4]");
  expect_usage_error(
      [&] {
        kernels::matvec(x, {{good, wide}}, y);
      },
      "[matvec] weights[1] must be of shape [-1, 4], got [3, 5]");
  expect_usage_error([&] { kernels::matvec(x, {{no_scales}}, y); },
                     "[matvec] weights[0].scales must be a tensor, got an undefined tensor");
  expect_usage_error([&] { kernels::matvec(x, {{good}}, small); }, "[matvec] y must be of shape [1, 3], got [1, 2]");
  expect_usage_error([&] { (void)kernels::pack_matvec_weight(weight.t(), at::kFloat); },
                     "[matvec] weight must be contiguous, got strides [1, 4]");
  expect_usage_error([&] { (void)kernels::pack_matvec_weight(weight, at::kHalf); },
                     "[matvec] type must be float32, bfloat16 or int8, got Half");
}

}  // namespace
}  // namespace tern::test
