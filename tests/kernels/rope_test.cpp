#include "kernels/rope/rope.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using kernels::QkvLayout;
using kernels::RopeDirection;
using kernels::RopeTable;

at::Tensor plain_rotate(const at::Tensor& qkv, const QkvLayout& layout, const RopeTable& table) {
  const int64_t batch = qkv.size(0), seq_len = qkv.size(1), rotated = layout.num_heads + layout.num_kv_heads;
  const auto heads = qkv.view({batch, seq_len, rotated + layout.num_kv_heads, layout.head_dim});
  const auto qk = heads.narrow(2, 0, rotated);
  const auto cos = table.cos.narrow(0, table.first_position, seq_len).to(qkv.scalar_type()).unsqueeze(1);
  const double sign = table.direction == RopeDirection::clockwise ? -1 : 1;
  const auto sin = table.sin.narrow(0, table.first_position, seq_len).to(qkv.scalar_type()).unsqueeze(1) * sign;
  const auto halves = qk.chunk(2, -1);
  const auto turned = at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1);
  return at::cat({turned, heads.narrow(2, rotated, layout.num_kv_heads)}, 2).view(qkv.sizes());
}

RopeTable table_for(at::ScalarType dtype, int64_t head_dim, RopeDirection direction, int64_t first_position) {
  auto table =
      kernels::make_rope_table(16, head_dim, 10000, direction, dtype == at::kDouble ? at::kDouble : at::kFloat);
  table.first_position = first_position;
  return table;
}

TEST(Rope, MatchesPlain) {
  for (auto dtype : float_types()) {
    for (auto direction : {RopeDirection::counter_clockwise, RopeDirection::clockwise}) {
      for (int64_t head_dim : {2, 6, 16, 34, 64, 128}) {
        const QkvLayout layout{3, 1, head_dim};
        const auto table = table_for(dtype, head_dim, direction, 4);
        const auto rotate = [&](const auto& function) {
          return [&](const std::vector<at::Tensor>& in) { return function(in[0], layout, table); };
        };
        // Two products and a sum of values up to 4.
        const auto tolerance = rounding_tolerance(dtype, 3, 8);
        EXPECT_TRUE(matches_plain(rotate(kernels::rope_qkv), rotate(plain_rotate),
                                  {randn({2, 5, layout.width()}, 1, dtype)}, tolerance, tolerance))
            << dtype << " " << head_dim;
      }
    }
  }
}

TEST(Rope, InverseUndoesTheRotation) {
  const QkvLayout layout{2, 2, 16};
  auto table = table_for(at::kDouble, 16, RopeDirection::clockwise, 0);
  const auto qkv = randn({2, 9, layout.width()}, 2);
  auto turned = qkv.clone();
  kernels::rope_qkv_(turned, layout, table);
  EXPECT_FALSE(same(turned, qkv));
  table.direction = inverse(table.direction);
  kernels::rope_qkv_(turned, layout, table);
  EXPECT_TRUE(close(turned, qkv, 0, 1e-6));  // cos^2 + sin^2 = 1 within the float32 of the table
}

TEST(Rope, TableHoldsTheAnglesOfTheFormula) {
  const auto table = kernels::make_rope_table(916, 64, 10000);
  for (int64_t position : {0, 1, 500, 915}) {
    for (int64_t i : {0, 1, 17, 31}) {
      const double angle = static_cast<double>(position) * std::pow(10000.0, -2.0 * static_cast<double>(i) / 64);
      // The angle, up to 915, is rounded to float32: 915 * 2^-24, and so is the frequency.
      EXPECT_NEAR(table.cos[position][i].item<double>(), std::cos(angle), 2e-4);
      EXPECT_NEAR(table.sin[position][i].item<double>(), std::sin(angle), 2e-4);
    }
  }
}

TEST(Rope, GradcheckInFloat64) {
  const QkvLayout layout{2, 1, 6};
  const auto table = table_for(at::kDouble, 6, RopeDirection::counter_clockwise, 0);
  EXPECT_TRUE(gradcheck([&](const auto& in) { return kernels::rope_qkv(in[0], layout, table); },
                        {randn({1, 3, layout.width()}, 3)}));
}

TEST(Rope, RefusesBadArguments) {
  const QkvLayout layout{2, 2, 8};
  const auto table = kernels::make_rope_table(4, 8, 10000);
  const auto rotate = [](at::Tensor qkv, const QkvLayout& heads, const RopeTable& angles) {
    return [=]() mutable { kernels::rope_qkv_(qkv, heads, angles); };
  };
  expect_usage_error(rotate(at::zeros({1, 4, 40}), layout, table),
                     "[rope] qkv must be of shape [-1, -1, 48], got [1, 4, 40]");
  expect_usage_error(rotate(at::zeros({1, 5, 48}), layout, table),
                     "[rope] cos must be a table of at least 5 positions, got 4");
  expect_usage_error(rotate(at::zeros({1, 4, 48}, at::kDouble), layout, table),
                     "[rope] cos must be of dtype float64, got float32");
  expect_usage_error(rotate(at::zeros({1, 4, 42}), {2, 2, 7}, table),
                     "[rope] head_dim must be even for a rotation, got 7");
  expect_usage_error([] { static_cast<void>(kernels::make_rope_table(4, 7, 10000)); },
                     "[rope] head_dim must be even, got 7");
}

}  // namespace
}  // namespace tern::test
