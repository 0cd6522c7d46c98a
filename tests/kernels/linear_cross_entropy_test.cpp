#include "kernels/linear_cross_entropy/linear_cross_entropy.h"

#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using kernels::CrossEntropyOptions;

at::Tensor labels_for(at::IntArrayRef sizes, int64_t vocab) {
  at::Tensor labels = at::empty(sizes, at::kLong);
  for (int64_t i = 0; i < labels.numel(); ++i) labels.view(-1)[i] = i % 6 == 5 ? -100 : (i * 7 + 3) % vocab;
  return labels;
}

at::Tensor plain(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& labels,
                 const at::Tensor& row_weight, const CrossEntropyOptions& options) {
  at::Tensor z = at::matmul(hidden, weight.t());
  if (options.vocab != 0) z = z.narrow(-1, 0, options.vocab);
  if (options.softcap != 0) z = (z / options.softcap).tanh() * options.softcap;
  const auto valid = labels.ne(-100);
  const auto picked = at::log_softmax(z, -1).gather(-1, labels.masked_fill(~valid, 0).unsqueeze(-1)).squeeze(-1);
  return (-picked.masked_fill(~valid, 0) * row_weight.to(at::kDouble)).sum();
}

at::Tensor weights_like(const at::Tensor& labels, at::ScalarType dtype) {
  return randn(labels.sizes(), 9, dtype == at::kDouble ? at::kDouble : at::kFloat).abs();
}

TEST(LinearCrossEntropy, MatchesPlain) {
  for (auto dtype : float_types()) {
    for (double softcap : {0.0, 15.0}) {
      const CrossEntropyOptions options{.softcap = softcap, .vocab = 45};
      const auto labels = labels_for({3, 7}, 45), row_weight = weights_like(labels, dtype);
      // float32: products of 16 terms, then as cross entropy. bfloat16: logits rounded to 2^-9 of up to 12, and their
      // gradients again.
      const Tolerance tolerance = dtype == at::kDouble  ? Tolerance{1e-12, 1e-12}
                                  : dtype == at::kFloat ? Tolerance{5e-6, 5e-6}
                                                        : Tolerance{0x1p-6, 0x1p-4};
      EXPECT_TRUE(matches_plain(
          [&](const auto& in) {
            return kernels::linear_cross_entropy(in[0], in[1], labels, row_weight, options).total;
          },
          [&](const auto& in) { return plain(in[0], in[1], labels, row_weight, options); },
          {randn({3, 7, 16}, 1, dtype), randn({50, 16}, 2, dtype)}, tolerance, tolerance))
          << dtype << " " << softcap;
    }
  }
}

// Float32 on the CPU goes tile by tile of the vocabulary; 512 features make tiles of 64 of its rows, 256 tokens a
// chunk.
TEST(LinearCrossEntropy, TilesMatchPlain) {
  struct Shape {
    int64_t tokens, features, width, vocab;
  };
  for (const Shape& shape :
       std::vector<Shape>{{1, 1, 1, 0}, {300, 512, 200, 190}, {17, 513, 65, 64}, {70, 20, 3000, 0}}) {
    for (double softcap : {0.0, 15.0}) {
      const CrossEntropyOptions options{.softcap = softcap, .vocab = shape.vocab};
      const auto labels = labels_for({shape.tokens}, shape.vocab == 0 ? shape.width : shape.vocab);
      const auto row_weight = weights_like(labels, at::kFloat) / static_cast<double>(shape.tokens);
      // Sums of up to 513 products, logits of up to about 20.
      const Tolerance tolerance{2e-5, 2e-5};
      EXPECT_TRUE(matches_plain(
          [&](const auto& in) {
            return kernels::linear_cross_entropy(in[0], in[1], labels, row_weight, options).total;
          },
          [&](const auto& in) { return plain(in[0], in[1], labels, row_weight, options); },
          {randn({shape.tokens, shape.features}, 1, at::kFloat),
           randn({shape.width, shape.features}, 2, at::kFloat) * 0.2},
          tolerance, tolerance))
          << shape.tokens << " " << shape.features << " " << softcap;
    }
  }
}

// A confident row keeps the digits of its small loss and gradient.
TEST(LinearCrossEntropy, ConfidentRowsKeepTheirDigits) {
  at::Tensor hidden = at::full({2, 4}, 2.0f), weight = at::zeros({90, 4}, at::kFloat);
  weight[7].fill_(2);  // a logit of 16 among zeros
  const auto labels = at::full({2}, 7, at::kLong);
  const auto row_weight = at::ones({2}, at::kFloat);
  const CrossEntropyOptions options;
  at::Tensor d_hidden, d_weight;
  const auto rows =
      kernels::linear_cross_entropy_forward_backward(hidden, weight, labels, row_weight, options, d_hidden, d_weight);
  const double loss = std::log1p(89 * std::exp(-16.0));
  EXPECT_TRUE(
      close(rows.loss, at::full({2}, loss, at::kDouble), 0.1, 0));  // 89 terms of 1e-7 beside 1: each is rounded
  EXPECT_TRUE(close(d_weight[7], at::full({4}, 2 * 2 * std::expm1(-loss), at::kDouble), 0.1, 0));
  EXPECT_TRUE(rows.argmax.eq(7).all().item<bool>());
}

TEST(LinearCrossEntropy, NanIsNotLost) {
  at::Tensor hidden = randn({3, 8}, 1, at::kFloat), weight = randn({40, 8}, 2, at::kFloat);
  hidden[1][3] = NAN;
  const auto labels = labels_for({3}, 40);
  at::Tensor d_hidden, d_weight;
  const auto rows = kernels::linear_cross_entropy_forward_backward(hidden, weight, labels, at::ones({3}, at::kFloat),
                                                                   {}, d_hidden, d_weight);
  EXPECT_TRUE(std::isnan(rows.loss[1].item<float>()));
  EXPECT_FALSE(std::isnan(rows.loss[0].item<float>()));
  EXPECT_TRUE(d_weight.isnan().any().item<bool>());
}

TEST(LinearCrossEntropy, GradcheckInFloat64) {
  const auto labels = labels_for({4}, 9), row_weight = weights_like(labels, at::kDouble);
  EXPECT_TRUE(gradcheck(
      [&](const auto& in) { return kernels::linear_cross_entropy(in[0], in[1], labels, row_weight, {}).total; },
      {randn({4, 3}, 3), randn({9, 3}, 4)}));
}

// 100000 columns of float32 make chunks of 83 rows: 200 rows are three chunks, the last not full.
TEST(LinearCrossEntropy, ManyChunksAgreeWithOne) {
  const auto hidden = randn({2, 100, 4}, 5, at::kFloat), weight = randn({100000, 4}, 6, at::kFloat);
  const auto labels = labels_for({2, 100}, 100000), row_weight = weights_like(labels, at::kFloat);
  at::Tensor d_hidden, d_weight, d_logits;
  const auto chunked =
      kernels::linear_cross_entropy_forward_backward(hidden, weight, labels, row_weight, {}, d_hidden, d_weight);
  const auto logits = at::matmul(hidden, weight.t());
  const auto whole = kernels::cross_entropy_forward_backward(logits, labels, row_weight, {}, d_logits);
  EXPECT_TRUE(close(chunked.loss, whole.loss, 4e-6, 1e-6));  // below AVX-512 `whole` adds up in another order
  EXPECT_TRUE(same(chunked.argmax, whole.argmax));
  EXPECT_TRUE(same(chunked.valid_count, whole.valid_count));
  EXPECT_TRUE(same(chunked.correct_count, whole.correct_count));
  // Sums of 100000 products: no further from float64's than twice the plain path's.
  at::Tensor exact_logits;
  static_cast<void>(
      kernels::cross_entropy_forward_backward(at::matmul(hidden.to(at::kDouble), weight.to(at::kDouble).t()), labels,
                                              row_weight.to(at::kDouble), {}, exact_logits));
  const at::Tensor exact = at::matmul(exact_logits, weight.to(at::kDouble));
  const auto error = [&](const at::Tensor& found) { return (found - exact).abs().max().item<double>(); };
  EXPECT_LE(error(d_hidden), 2 * error(at::matmul(d_logits, weight)));
  EXPECT_TRUE(close(d_weight, at::matmul(d_logits.view({200, -1}).t(), hidden.view({200, 4})), 1e-5, 1e-6));
  const auto forward = kernels::linear_cross_entropy_forward(hidden, weight, labels, {});
  EXPECT_TRUE(same(forward.loss, chunked.loss));
  // d_hidden over hidden, d_weight into memory with other contents.
  at::Tensor over_hidden = hidden.clone(), used = at::full(weight.sizes(), 7.0, at::kFloat);
  static_cast<void>(
      kernels::linear_cross_entropy_forward_backward(over_hidden, weight, labels, row_weight, {}, over_hidden, used));
  EXPECT_TRUE(same(over_hidden, d_hidden));
  EXPECT_TRUE(same(used, d_weight));
}

// Small whole numbers, so that all logits are exact in bfloat16 and the same in chunks and in one piece.
at::Tensor small_integers(at::IntArrayRef sizes, unsigned seed, double unit) {
  return randn(sizes, seed, at::kDouble).round().clamp(-1, 1).mul(unit).to(at::kBFloat16);
}

// One rounding to bfloat16, 2^-8 of the value at most, at the end of all chunks; the float32 sum of 512 terms below
// 1e-2 adds 512 * 2^-24 * 1e-2 at most. Rounding once per chunk would be off by several times as much.
TEST(LinearCrossEntropy, WeightGradientOfManyChunksIsRoundedOnce) {
  const auto hidden = small_integers({512, 8}, 1, 1), weight = small_integers({64, 8}, 2, 0.25);
  const auto labels = labels_for({512}, 64), row_weight = at::full({512}, 1.0 / 128, at::kFloat);
  at::Tensor d_hidden, d_weight, d_logits;
  constexpr int64_t kEightRows = 8 * 64 * 2;
  static_cast<void>(kernels::linear_cross_entropy_forward_backward(hidden, weight, labels, row_weight, {}, d_hidden,
                                                                   d_weight, kEightRows));
  static_cast<void>(
      kernels::cross_entropy_forward_backward(at::matmul(hidden, weight.t()), labels, row_weight, {}, d_logits));
  const auto expected = at::matmul(d_logits.to(at::kDouble).t(), hidden.to(at::kDouble));
  EXPECT_TRUE(close(d_weight, expected, 0x1p-8, 512 * 0x1p-24 * 1e-2));
}

// A gradient of 1 hands on the kept gradients without a copy; they must survive being accumulated.
TEST(LinearCrossEntropy, TwoBackwardPassesOfTheLossItself) {
  const auto hidden = randn({6, 4}, 7, at::kFloat).set_requires_grad(true);
  const auto weight = randn({9, 4}, 8, at::kFloat).set_requires_grad(true);
  const auto labels = labels_for({6}, 9);
  const auto total = kernels::linear_cross_entropy(hidden, weight, labels, weights_like(labels, at::kFloat), {}).total;
  total.backward({}, /*retain_graph=*/true);
  const at::Tensor hidden_once = hidden.grad().clone(), weight_once = weight.grad().clone();
  total.backward();
  EXPECT_TRUE(same(hidden.grad(), hidden_once * 2));
  EXPECT_TRUE(same(weight.grad(), weight_once * 2));
}

TEST(LinearCrossEntropy, RefusesBadArguments) {
  const auto hidden = at::zeros({2, 3, 4}), weight = at::zeros({5, 4});
  const auto labels = at::zeros({2, 3}, at::kLong);
  const auto run = [](const at::Tensor& h, const at::Tensor& w, const at::Tensor& l) {
    return [=] { static_cast<void>(kernels::linear_cross_entropy_forward(h, w, l, {})); };
  };
  expect_usage_error(run(hidden, at::zeros({5, 3}), labels),
                     "[linear_cross_entropy] weight must be of shape [-1, 4], got [5, 3]");
  expect_usage_error(run(hidden, weight, labels + 5),
                     "[linear_cross_entropy] labels must be -100 (ignored) or in 0..4, got 5 at element 0");
  expect_usage_error(run(hidden, weight, at::zeros({6}, at::kLong)),
                     "[linear_cross_entropy] labels must be of shape [2, 3], got [6]");
  at::Tensor d_hidden, d_weight = at::zeros({5, 5});
  expect_usage_error(
      [&] {
        static_cast<void>(kernels::linear_cross_entropy_forward_backward(hidden, weight, labels, at::zeros({2, 3}), {},
                                                                         d_hidden, d_weight));
      },
      "[linear_cross_entropy] d_weight must be of the shape of weight [5, 4], got [5, 5]");
}

}  // namespace
}  // namespace tern::test
