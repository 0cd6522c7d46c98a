#include "kernels/decode_attention/decode_attention.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

struct Case {
  int64_t rows, heads, kv_heads, head_dim, positions, length, seen;
};

at::Tensor plain(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values, const Case& c, double scale) {
  const auto part = [&](const at::Tensor& all) {
    return all.narrow(2, c.length - c.seen, c.seen).to(at::kDouble).repeat_interleave(c.heads / c.kv_heads, 1);
  };
  const auto heads = q.to(at::kDouble).reshape({c.rows, c.heads, 1, c.head_dim});
  const auto weights = at::softmax(at::matmul(heads, part(keys).transpose(2, 3)) * scale, -1);
  return at::matmul(weights, part(values)).reshape({c.rows, c.heads * c.head_dim});
}

TEST(DecodeAttention, MatchesPlain) {
  for (const Case& c : std::vector<Case>{{1, 1, 1, 16, 1, 1, 1},
                                         {1, 2, 2, 128, 300, 257, 257},
                                         {2, 4, 2, 24, 40, 33, 32},
                                         {3, 3, 1, 7, 20, 19, 5},
                                         {1, 2, 1, 1, 9, 9, 2}}) {
    const auto wide_q = randn({c.rows, c.heads * c.head_dim + 5}, 1, at::kFloat);
    const auto q = wide_q.narrow(1, 2, c.heads * c.head_dim);
    auto keys = randn({c.rows, c.kv_heads, c.positions, c.head_dim}, 2, at::kFloat), values = randn(keys.sizes(), 3);
    values = values.to(at::kFloat);
    at::Tensor scores = at::empty({c.rows, c.heads, c.positions}, at::kFloat);
    at::Tensor out = at::empty({c.rows, c.heads * c.head_dim}, at::kFloat);
    kernels::decode_attention(q, keys, values, c.length, c.seen, 0.3, scores, out);
    EXPECT_TRUE(close(out, plain(q, keys, values, c, 0.3), 2e-5, 2e-5)) << c.positions;
    // What lies outside the window has no say.
    keys.narrow(2, 0, c.length - c.seen).fill_(NAN);
    keys.narrow(2, c.length, c.positions - c.length).fill_(NAN);
    at::Tensor again = at::empty_like(out);
    kernels::decode_attention(q, keys, values, c.length, c.seen, 0.3, scores, again);
    EXPECT_TRUE(same(again, out)) << c.positions;
  }
}

TEST(DecodeAttention, LargeScoresDoNotOverflow) {
  const auto q = at::full({1, 8}, 30.0f), values = randn({1, 1, 3, 8}, 3, at::kFloat);
  at::Tensor keys = at::full({1, 1, 3, 8}, 30.0f), scores = at::empty({1, 1, 3}, at::kFloat);
  keys.select(2, 1).fill_(31);
  at::Tensor out = at::empty({1, 8}, at::kFloat);
  kernels::decode_attention(q, keys, values, 3, 3, 1, scores, out);
  EXPECT_TRUE(same(out, values.select(2, 1).view({1, 8})));
}

TEST(DecodeAttention, RefusesBadArguments) {
  const auto q = randn({1, 8}, 1, at::kFloat), keys = randn({1, 1, 3, 8}, 2, at::kFloat);
  at::Tensor scores = at::empty({1, 1, 3}, at::kFloat), out = at::empty({1, 8}, at::kFloat);
  const auto call = [&](const at::Tensor& query, const at::Tensor& values, int64_t length, int64_t seen) {
    kernels::decode_attention(query, keys, values, length, seen, 1, scores, out);
  };
  expect_usage_error(
      [&] {
        call(randn({1, 9}, 1, at::kFloat), keys, 1, 1);
      },
      "[decode_attention] q must be as wide as a multiple of 1 heads of 8, got 9");
  expect_usage_error(
      [&] {
        call(randn({8, 2}, 1, at::kFloat).t().narrow(0, 0, 1), keys, 3, 3);
      },
      "[decode_attention] q must be dense along its last dimension, got 2");
  expect_usage_error([&] { call(q, keys.to(at::kDouble), 3, 3); },
                     "[decode_attention] values must be of dtype float32, got float64");
  expect_usage_error([&] { call(q, keys, 4, 4); },
                     "[decode_attention] seen and length must be 1 <= seen <= length <= 3, got 4 and 4");
  expect_usage_error([&] { call(q, keys, 2, 0); },
                     "[decode_attention] seen and length must be 1 <= seen <= length <= 3, got 0 and 2");
}

}  // namespace
}  // namespace tern::test
