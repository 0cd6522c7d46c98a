#include "kernels/attention/attention.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using kernels::AttentionOptions;
using kernels::RopeDirection;

// Masked, scaled scores [batch, heads, seq, seq] and the values, both per query head.
struct PlainParts {
  at::Tensor scores, values;
};

PlainParts plain_parts(const at::Tensor& qkv_in, const AttentionOptions& options) {
  const auto& layout = options.layout;
  const int64_t batch = qkv_in.size(0), seq_len = qkv_in.size(1), group = layout.num_heads / layout.num_kv_heads;
  const auto qkv = options.rope.cos.defined() ? kernels::rope_qkv(qkv_in, layout, options.rope) : qkv_in;
  const auto heads = qkv.view({batch, seq_len, -1, layout.head_dim}).transpose(1, 2);
  const auto norm = [&](const at::Tensor& x) {
    return options.norm.gain == 0 ? x
                                  : x * at::rsqrt(x.square().mean({-1}, true) + options.norm.eps) * options.norm.gain;
  };
  const auto q = norm(heads.narrow(1, 0, layout.num_heads));
  const auto k = norm(heads.narrow(1, layout.num_heads, layout.num_kv_heads)).repeat_interleave(group, 1);
  const auto v = heads.narrow(1, layout.num_heads + layout.num_kv_heads, layout.num_kv_heads);
  const double scale = options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(layout.head_dim));
  at::Tensor scores = at::matmul(q, k.transpose(-1, -2)) * scale;
  const auto position = at::arange(seq_len);
  const auto distance = position.unsqueeze(1) - position.unsqueeze(0);
  at::Tensor hidden = at::zeros({seq_len, seq_len}, at::kBool);
  if (options.causal) hidden = hidden.logical_or(distance.lt(0));
  if (options.window_left >= 0) hidden = hidden.logical_or(distance.gt(options.window_left));
  return {scores.masked_fill(hidden, -std::numeric_limits<double>::infinity()), v.repeat_interleave(group, 1)};
}

at::Tensor plain_attention(const at::Tensor& qkv, const AttentionOptions& options) {
  const auto parts = plain_parts(qkv, options);
  const auto out = at::matmul(at::softmax(parts.scores, -1), parts.values).transpose(1, 2);
  return out.reshape({qkv.size(0), qkv.size(1), options.layout.num_heads * options.layout.head_dim});
}

AttentionOptions with_rope(AttentionOptions options, at::ScalarType dtype, RopeDirection direction) {
  options.rope = kernels::make_rope_table(160, options.layout.head_dim, 10000, direction,
                                          dtype == at::kDouble ? at::kDouble : at::kFloat);
  return options;
}

// Tolerances: float32 scores are sums of head_dim products (up to 128, of size up to 4 * scale) and enter an
// exponential, so their absolute error is the relative error of the weights; the gradients sum seq such terms.
// bfloat16: weights and intermediate scores are rounded to bfloat16 by the matrix products (2^-9 each, on values up to
// 4, a handful of times).
Tolerance tolerance(at::ScalarType dtype) {
  switch (dtype) {
    case at::kBFloat16: return {0x1p-6, 0x1p-5};
    case at::kDouble: return {1e-12, 1e-12};
    default: return {2e-5, 2e-5};
  }
}

testing::AssertionResult agrees(const AttentionOptions& base, int64_t batch, int64_t seq_len, at::ScalarType dtype) {
  AttentionOptions plain_options = base;
  if (base.rope.cos.defined()) {
    plain_options.rope.cos = base.rope.cos.to(at::kDouble);
    plain_options.rope.sin = base.rope.sin.to(at::kDouble);
  }
  return matches_plain([&](const auto& in) { return kernels::attention(in[0], base); },
                       [&](const auto& in) { return plain_attention(in[0], plain_options); },
                       {randn({batch, seq_len, base.layout.width()}, 1, dtype)}, tolerance(dtype), tolerance(dtype));
}

TEST(Attention, MatchesPlainAtAwkwardLengths) {
  for (auto dtype : float_types()) {
    for (int64_t seq_len : {1, 2, 15, 16, 17, 63, 64, 65, 129}) {
      for (bool causal : {false, true}) {
        const AttentionOptions options{.layout = {2, 2, 16}, .causal = causal};
        EXPECT_TRUE(agrees(with_rope(options, dtype, RopeDirection::counter_clockwise), 2, seq_len, dtype))
            << dtype << " " << seq_len << (causal ? " causal" : "");
      }
    }
  }
}

TEST(Attention, MatchesPlainForHeadDimensionsGroupsAndWindows) {
  for (auto dtype : float_types()) {
    for (int64_t head_dim : {2, 8, 64, 128}) {
      const AttentionOptions options{.layout = {4, 4, head_dim}, .causal = true};
      EXPECT_TRUE(agrees(with_rope(options, dtype, RopeDirection::clockwise), 1, 33, dtype)) << dtype << head_dim;
    }
    for (int64_t kv_heads : {1, 2, 3, 6}) {
      const AttentionOptions options{.layout = {6, kv_heads, 16}, .causal = kv_heads == 2};
      EXPECT_TRUE(agrees(options, 2, 40, dtype)) << dtype << " kv heads " << kv_heads;
    }
    for (int64_t window : {0, 1, 7, 39, 100}) {
      const AttentionOptions options{.layout = {2, 1, 16}, .causal = true, .window_left = window};
      EXPECT_TRUE(agrees(options, 2, 40, dtype)) << dtype << " window " << window;
    }
    const AttentionOptions scaled{.layout = {2, 2, 16}, .scale = 0.7};
    EXPECT_TRUE(agrees(scaled, 2, 20, dtype)) << dtype;
  }
}

TEST(Attention, GradcheckInFloat64) {
  const AttentionOptions causal{.layout = {2, 1, 4}, .causal = true};
  const auto options = with_rope(causal, at::kDouble, RopeDirection::counter_clockwise);
  EXPECT_TRUE(gradcheck([&](const auto& in) { return kernels::attention(in[0], options); },
                        {randn({1, 5, options.layout.width()}, 2)}));
}

TEST(Attention, MatchesPlainWithNormalisedQueriesAndKeys) {
  for (auto dtype : float_types()) {
    for (int64_t head_dim : {2, 6, 64, 128}) {
      // The derivative divides by the head's size, and bfloat16's rounding errors with it: two elements can be tiny.
      if (dtype == at::kBFloat16 && head_dim == 2) continue;
      const AttentionOptions options{.layout = {4, 2, head_dim}, .causal = true, .norm = {1.2, 1e-6}};
      EXPECT_TRUE(agrees(options, 2, 33, dtype)) << dtype << head_dim;
      EXPECT_TRUE(agrees(with_rope(options, dtype, RopeDirection::clockwise), 1, 33, dtype)) << dtype << head_dim;
    }
  }
}

TEST(Attention, GradcheckWithNormInFloat64) {
  const AttentionOptions normed{.layout = {2, 1, 4}, .causal = true, .norm = {1.2, 0.1}};
  const auto options = with_rope(normed, at::kDouble, RopeDirection::clockwise);
  EXPECT_TRUE(gradcheck([&](const auto& in) { return kernels::attention(in[0], options); },
                        {randn({1, 5, options.layout.width()}, 5)}));
}

TEST(Attention, NormalisesInPlaceAfterTheRotation) {
  const AttentionOptions turning{.layout = {2, 1, 8}};
  AttentionOptions options = with_rope(turning, at::kDouble, RopeDirection::clockwise);
  auto rotated = randn({1, 6, options.layout.width()}, 6), used = rotated.clone();
  static_cast<void>(kernels::attention_forward_(rotated, options));
  options.norm = {1.5, 1e-3};
  const auto forward = kernels::attention_forward_(used, options);
  const auto heads = rotated.view({1, 6, 4, 8}).narrow(2, 0, 3);
  const auto rstd = at::rsqrt(heads.square().mean({-1}) + 1e-3);
  EXPECT_TRUE(close(forward.rstd, rstd, 1e-12, 1e-12));
  EXPECT_TRUE(close(used.view({1, 6, 4, 8}).narrow(2, 0, 3), heads * rstd.unsqueeze(-1) * 1.5, 1e-12, 1e-12));
  EXPECT_TRUE(same(used.view({1, 6, 4, 8}).select(2, 3), rotated.view({1, 6, 4, 8}).select(2, 3)));  // v
}

TEST(Attention, ReturnsTheLogSumOfExponents) {
  const AttentionOptions options{.layout = {4, 2, 8}, .causal = true, .window_left = 5};
  auto qkv = randn({2, 21, options.layout.width()}, 3);
  const auto expected = at::logsumexp(plain_parts(qkv, options).scores, {-1});
  EXPECT_TRUE(close(kernels::attention_forward_(qkv, options).lse, expected, 1e-12, 1e-12));
}

TEST(Attention, RotatesInPlaceOnlyWithARotation) {
  const AttentionOptions options{.layout = {2, 2, 8}};
  const auto qkv = randn({1, 6, options.layout.width()}, 4);
  auto used = qkv.clone();
  static_cast<void>(kernels::attention_forward_(used, options));
  EXPECT_TRUE(same(used, qkv));
  const auto turning = with_rope(options, at::kDouble, RopeDirection::clockwise);
  static_cast<void>(kernels::attention_forward_(used, turning));
  EXPECT_TRUE(same(used, kernels::rope_qkv(qkv, options.layout, turning.rope)));
  const auto before = qkv.clone();
  static_cast<void>(kernels::attention(before, turning));
  EXPECT_TRUE(same(before, qkv));
}

TEST(Attention, EmptyBatchAndSequence) {
  const AttentionOptions options{.layout = {2, 2, 8}};
  EXPECT_EQ(kernels::attention(at::zeros({0, 4, 48}), options).sizes(), at::IntArrayRef({0, 4, 16}));
  EXPECT_EQ(kernels::attention(at::zeros({2, 0, 48}), options).sizes(), at::IntArrayRef({2, 0, 16}));
}

TEST(Attention, RefusesBadArguments) {
  const auto attend = [](const at::Tensor& qkv, const AttentionOptions& options) {
    return [=] {
      at::Tensor own = qkv;
      static_cast<void>(kernels::attention_forward_(own, options));
    };
  };
  expect_usage_error(attend(at::zeros({1, 4, 40}), {.layout = {2, 2, 8}}),
                     "[attention] qkv must be of shape [-1, -1, 48], got [1, 4, 40]");
  expect_usage_error(attend(at::zeros({1, 4, 48}), {.layout = {3, 2, 8}}),
                     "[attention] num_kv_heads must be a divisor of num_heads (3), got 2");
  expect_usage_error(attend(at::zeros({1, 4, 48}), {.layout = {2, 2, 8}, .window_left = 3}),
                     "[attention] window_left must be -1, or 0 and more with causal, got 3");
  expect_usage_error(attend(at::zeros({4, 1, 48}).transpose(0, 1).expand({2, 4, 48}), {.layout = {2, 2, 8}}),
                     "[attention] qkv must be contiguous, got strides [0, 48, 1]");
  expect_usage_error(attend(at::zeros({1, 4, 48}), {.layout = {0, 2, 8}}),
                     "[attention] num_heads and head_dim must be above 0, got 0 and 8");
  expect_usage_error(attend(at::zeros({1, 4, 48}), {.layout = {2, 2, 8}, .norm = {-1, 0}}),
                     "[attention] norm must be a gain and an eps of 0 and more, got -1.000000 and 0.000000");
  at::Tensor d_qkv, qkv = at::zeros({1, 4, 48});
  const AttentionOptions options{.layout = {2, 2, 8}};
  const auto forward = kernels::attention_forward_(qkv, options);
  expect_usage_error(
      [&] {
        kernels::attention_backward(at::zeros({1, 4, 17}), qkv, forward, options, d_qkv);
      },
      "[attention] dout must be of shape [1, 4, 16], got [1, 4, 17]");
  AttentionOptions normed = options;
  normed.norm = {1, 0};
  kernels::AttentionForward wrong = kernels::attention_forward_(qkv, normed);
  wrong.rstd = at::zeros({1, 4, 3});
  expect_usage_error(
      [&] {
        kernels::attention_backward(at::zeros({1, 4, 16}), qkv, wrong, normed, d_qkv);
      },
      "[attention] rstd must be of shape [1, 4, 4], got [1, 4, 3]");
}

}  // namespace
}  // namespace tern::test
