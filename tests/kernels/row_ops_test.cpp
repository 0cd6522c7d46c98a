#include "kernels/row_ops/row_ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "kernels/rope/rope.h"
#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

float* data(at::Tensor& tensor) {
  return tensor.mutable_data_ptr<float>();
}

at::Tensor row(int64_t width, int64_t seed) {
  return randn({width}, static_cast<uint64_t>(seed), at::kFloat);
}

// Float32 results of one to a few roundings per element, and a sum of up to 515 squares.
constexpr double kTolerance = 1e-5;

TEST(RowOps, MatchPlain) {
  for (const int64_t width : awkward_widths()) {
    at::Tensor x = row(width, 1), y = row(width, 2), normed = at::empty_like(x);
    const at::Tensor wide_x = x.to(at::kDouble), wide_y = y.to(at::kDouble);
    kernels::rms_norm_row(data(x), width, 0.01, data(normed));
    EXPECT_TRUE(close(normed, wide_x / (wide_x.square().mean() + 0.01).sqrt(), kTolerance, kTolerance)) << width;
    at::Tensor sum = x.clone(), squared = x.clone(), capped = x * 10;
    kernels::add_row(data(sum), 0.5, data(y), -3, width);
    EXPECT_TRUE(close(sum, 0.5 * wide_x - 3 * wide_y, kTolerance, kTolerance)) << width;
    kernels::relu_squared_row(data(squared), width);
    EXPECT_TRUE(close(squared, wide_x.clamp_min(0).square(), kTolerance, kTolerance)) << width;
    kernels::softcap_row(data(capped), width, 15);
    EXPECT_TRUE(close(capped, 15 * (wide_x * 10 / 15).tanh(), kTolerance, kTolerance)) << width;
    kernels::rms_norm_row(data(x), width, 0.01, data(x));  // in place
    EXPECT_TRUE(same(x, normed)) << width;
  }
}

TEST(RowOps, RotatesAsTheWholeTextsDo) {
  constexpr int64_t kPosition = 5;
  for (const int64_t half : {1, 3, 8, 13, 64}) {
    auto table = kernels::make_rope_table(8, 2 * half, 1000, kernels::RopeDirection::clockwise);
    at::Tensor head = row(2 * half, 3), qkv = at::zeros({1, 1, 6 * half}, at::kFloat);
    qkv.narrow(2, 0, 2 * half).copy_(head);
    const auto* cos = table.cos.const_data_ptr<float>() + kPosition * half;
    const auto* sin = table.sin.const_data_ptr<float>() + kPosition * half;
    kernels::rope_row(data(head), cos, sin, half);
    table.first_position = kPosition;
    kernels::rope_qkv_(qkv, {1, 1, 2 * half}, table);
    EXPECT_TRUE(same(head, qkv.view({-1}).narrow(0, 0, 2 * half))) << half;
  }
}

TEST(RowOps, SoftcapIsGoodToThreeUnitsInTheLastPlace) {
  at::Tensor x = at::linspace(-150, 150, 30001, at::kFloat), capped = x.clone();
  kernels::softcap_row(data(capped), 30001, 15);
  EXPECT_TRUE(close(capped, 15 * (x.to(at::kDouble) / 15).tanh(), 3 * 0x1p-23, 0));
}

TEST(RowOps, FindTheFirstOfTheLargest) {
  for (const int64_t width : {1, 2, 17, 1024, 1025, 5000}) {
    at::Tensor x = row(width, 5);
    for (const int64_t place : {width / 2, width - 1, int64_t{0}}) {
      EXPECT_EQ(kernels::argmax_row(data(x), width), at::argmax(x).item<int64_t>()) << width;
      data(x)[width - 1] = data(x)[place] = 9;  // twice
      EXPECT_EQ(kernels::argmax_row(data(x), width), std::min(place, at::argmax(x).item<int64_t>())) << width;
    }
    x.fill_(-std::numeric_limits<float>::infinity());
    EXPECT_EQ(kernels::argmax_row(data(x), width), 0);
    data(x)[width - 1] = data(x)[width / 3] = std::numeric_limits<float>::quiet_NaN();
    data(x)[0] = width > 3 ? std::numeric_limits<float>::infinity() : data(x)[0];
    EXPECT_EQ(kernels::argmax_row(data(x), width), width / 3) << width;
  }
}

TEST(RowOps, HandNotANumberOn) {
  at::Tensor x = at::full({20}, std::numeric_limits<float>::quiet_NaN());
  kernels::relu_squared_row(data(x), 20);
  EXPECT_TRUE(x.isnan().all().item<bool>());
  kernels::softcap_row(data(x), 20, 15);
  EXPECT_TRUE(x.isnan().all().item<bool>());
}

}  // namespace
}  // namespace tern::test
