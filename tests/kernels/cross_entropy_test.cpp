#include "kernels/cross_entropy/cross_entropy.h"

#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using kernels::CrossEntropyKind;
using kernels::CrossEntropyOptions;

at::Tensor plain_loss(const at::Tensor& logits_in, const at::Tensor& labels, const CrossEntropyOptions& options) {
  at::Tensor z = options.vocab == 0 ? logits_in : logits_in.narrow(-1, 0, options.vocab);
  if (options.softcap != 0) z = (z / options.softcap).tanh() * options.softcap;
  at::Tensor log_p;
  if (options.kind == CrossEntropyKind::softmax) {
    log_p = at::log_softmax(z, -1);
  } else {
    // 1e-30 as upstream: the branch not taken must not make the gradient NaN at z = 1.
    const auto s = at::where(z < 0, (1 - z + 1e-30).reciprocal(), z + 1);
    log_p = (s / s.sum(-1, true)).log();
  }
  const auto valid = labels.ne(options.ignore_index);
  const auto picked = log_p.gather(-1, labels.to(at::kLong).masked_fill(~valid, 0).unsqueeze(-1)).squeeze(-1);
  return at::where(valid, -picked, at::zeros({}, z.options()));
}

// Labels that run through the vocabulary, every fifth ignored.
at::Tensor labels_for(at::IntArrayRef sizes, int64_t vocab, at::ScalarType dtype = at::kLong) {
  at::Tensor labels = at::empty(sizes, at::kLong);
  int64_t* values = labels.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < labels.numel(); ++i) values[i] = i % 5 == 4 ? -100 : (i * 7 + 3) % vocab;
  return labels.to(dtype);
}

// softmax in float32: an exponential (4 roundings), a sum and a logarithm; the logits themselves, up to 8, are rounded
// when the largest is subtracted. stablemax is float64 rounded once to float32: 1e-6 relative is what is promised.
Tolerance forward_tolerance(at::ScalarType dtype, CrossEntropyKind kind) {
  if (dtype == at::kDouble) return {1e-13, 1e-13};
  return kind == CrossEntropyKind::stablemax ? Tolerance{1e-6, 1e-9} : Tolerance{1e-6, 4e-6};
}
Tolerance backward_tolerance(at::ScalarType dtype, CrossEntropyKind kind) {
  if (dtype == at::kDouble) return {1e-12, 1e-13};
  if (dtype == at::kBFloat16) return {0x1p-8, 1e-5};
  return kind == CrossEntropyKind::stablemax ? Tolerance{1e-6, 1e-9} : Tolerance{4e-6, 1e-6};
}

testing::AssertionResult agrees(const at::Tensor& logits, const at::Tensor& labels,
                                const CrossEntropyOptions& options) {
  const auto dtype = logits.scalar_type();
  return matches_plain([&](const auto& in) { return kernels::cross_entropy(in[0], labels, options).loss; },
                       [&](const auto& in) { return plain_loss(in[0], labels, options); }, {logits},
                       forward_tolerance(dtype, options.kind), backward_tolerance(dtype, options.kind));
}

const std::vector<CrossEntropyKind> kKinds{CrossEntropyKind::softmax, CrossEntropyKind::stablemax};

TEST(CrossEntropy, MatchesPlainAtAwkwardVocabularies) {
  for (auto kind : kKinds) {
    for (auto dtype : float_types()) {
      for (int64_t vocab : {1, 2, 7, 8, 11, 12, 15, 16, 17, 255, 256, 257, 1000}) {
        const auto logits = (randn({2, 9, vocab}, 1) * 2).to(dtype);
        EXPECT_TRUE(agrees(logits, labels_for({2, 9}, vocab), {.kind = kind})) << dtype << " " << vocab;
      }
    }
  }
}

TEST(CrossEntropy, SoftcapAndPaddedVocabulary) {
  for (auto kind : kKinds) {
    for (auto dtype : float_types()) {
      const auto logits = (randn({3, 5, 40}, 2) * 8).to(dtype);
      const CrossEntropyOptions options{.kind = kind, .softcap = 15, .vocab = 33};
      EXPECT_TRUE(agrees(logits, labels_for({3, 5}, 33), options)) << dtype;
    }
  }
}

TEST(CrossEntropy, GradcheckInFloat64) {
  for (auto kind : kKinds) {
    for (double softcap : {0.0, 3.0}) {
      const CrossEntropyOptions options{.kind = kind, .softcap = softcap, .vocab = 5};
      EXPECT_TRUE(
          gradcheck([&](const auto& in) { return kernels::cross_entropy(in[0], labels_for({6}, 5), options).loss; },
                    {randn({6, 7}, 3)}));
    }
  }
}

TEST(CrossEntropy, StablemaxKeepsFloat64AccuracyOnFarLogits) {
  // Where float32 arithmetic would lose the loss altogether: s(label) is the whole sum but for 1e-9 of it.
  const auto logits = at::tensor({1e9, -1e3, -1e6, 2e-7, -3.0, 1e9, 5.0, 4.0}, at::kDouble).view({2, 4}).to(at::kFloat);
  const auto labels = at::tensor({0, 1}, at::kLong);
  EXPECT_TRUE(agrees(logits, labels, {.kind = CrossEntropyKind::stablemax}));
}

TEST(CrossEntropy, SoftmaxOfAConfidentRowKeepsItsSmallLoss) {
  // The sum of exponents, 1 + 8e-7, is rounded by up to 2^-24; the loss itself must not be lost beside the logit of 80.
  const auto logits = at::tensor({80.0, 66.0, 60.0}, at::kFloat).view({1, 3});
  const auto labels = at::tensor({0}, at::kLong);
  EXPECT_TRUE(matches_plain([&](const auto& in) { return kernels::cross_entropy(in[0], labels, {}).loss; },
                            [&](const auto& in) { return plain_loss(in[0], labels, {}); }, {logits}, {0.1, 0},
                            {0, 0x1p-23}));
}

TEST(CrossEntropy, CountsAndArgmax) {
  const auto logits = at::tensor({0.1, 0.9, 0.9, 2.0, 1.0, 0.0, -1.0, -2.0, -0.5, 0.0, 0.0, 0.0}, at::kFloat);
  const auto labels = at::tensor({1, 0, -100, 2}, at::kInt).view({2, 2});
  for (auto kind : kKinds) {
    const auto result = kernels::cross_entropy_forward(logits.view({2, 2, 3}), labels, {.kind = kind});
    EXPECT_TRUE(same(result.argmax, at::tensor({1, 0, 2, 0}, at::kLong).view({2, 2})));
    EXPECT_TRUE(same(result.valid_count, at::tensor({2, 1}, at::kLong)));
    EXPECT_TRUE(same(result.correct_count, at::tensor({2, 0}, at::kLong)));
  }
}

TEST(CrossEntropy, ArgmaxMatchesAtenInLongRows) {
  for (auto dtype : float_types()) {
    // Few distinct values: many ties, of which the first counts.
    const auto logits = (randn({20, 1003}, 4) * 3).round().to(dtype);
    const auto result = kernels::cross_entropy_forward(logits, labels_for({20}, 1003), {});
    EXPECT_TRUE(same(result.argmax, logits.argmax(-1))) << dtype;
  }
}

TEST(CrossEntropy, NanReachesTheLossAndTheGradient) {
  for (auto kind : kKinds) {
    auto logits = randn({2, 40}, 5, at::kFloat);
    logits[0][17] = std::nan("");
    at::Tensor d_logits;
    const auto result = kernels::cross_entropy_forward_backward(
        logits, at::tensor({3, 3}, at::kLong), at::full({2}, 1.0, at::kFloat), {.kind = kind}, d_logits);
    EXPECT_TRUE(std::isnan(result.loss[0].item<float>()));
    EXPECT_TRUE(std::isnan(d_logits[0].sum().item<float>()));
    EXPECT_FALSE(std::isnan(result.loss[1].item<float>()));
    EXPECT_EQ(result.argmax[0].item<int64_t>(), 17);
  }
}

TEST(CrossEntropy, OnePassEqualsTwoAndMayOverwriteTheLogits) {
  for (auto kind : kKinds) {
    for (auto dtype : float_types()) {
      const auto logits = randn({2, 5, 19}, 6, dtype);
      const auto labels = labels_for({2, 5}, 17);
      const auto row_grad = randn({2, 5}, 7, dtype == at::kDouble ? at::kDouble : at::kFloat);
      const CrossEntropyOptions options{.kind = kind, .vocab = 17};
      at::Tensor d_logits, overwritten = logits.clone(), backward_only;
      const auto apart = kernels::cross_entropy_forward(logits, labels, options);
      kernels::cross_entropy_backward(logits, labels, row_grad, options, backward_only);
      const auto result = kernels::cross_entropy_forward_backward(logits, labels, row_grad, options, d_logits);
      static_cast<void>(kernels::cross_entropy_forward_backward(overwritten, labels, row_grad, options, overwritten));
      EXPECT_TRUE(same(result.loss, apart.loss));
      EXPECT_TRUE(same(d_logits, backward_only));
      EXPECT_TRUE(same(overwritten, d_logits));
      EXPECT_TRUE(same(d_logits.narrow(-1, 17, 2), at::zeros({2, 5, 2}, dtype)));
    }
  }
}

TEST(CrossEntropy, RefusesBadArguments) {
  const auto logits = at::zeros({2, 3, 5});
  const auto run = [](const at::Tensor& x, const at::Tensor& labels, CrossEntropyOptions options) {
    return [=] { static_cast<void>(kernels::cross_entropy_forward(x, labels, options)); };
  };
  const auto labels = at::zeros({2, 3}, at::kLong);
  expect_usage_error(run(logits, labels + 5, {}),
                     "[cross_entropy] labels must be -100 (ignored) or in 0..4, got 5 at element 0");
  expect_usage_error(run(logits, labels + 3, {.vocab = 3}),
                     "[cross_entropy] labels must be -100 (ignored) or in 0..2, got 3 at element 0");
  expect_usage_error(run(logits, labels, {.vocab = 6}),
                     "[cross_entropy] vocab must be in 1..5 (the number of logits), got 6");
  expect_usage_error(run(logits, labels.t(), {}), "[cross_entropy] labels must be of shape [2, 3], got [3, 2]");
  expect_usage_error(run(logits, labels.to(at::kFloat), {}),
                     "[cross_entropy] labels must be of dtype int32 or int64, got float32");
  expect_usage_error(run(logits, labels, {.softcap = -1}), "[cross_entropy] softcap must be 0 or more, got -1");
  at::Tensor d_logits;
  expect_usage_error([&] { kernels::cross_entropy_backward(logits, labels, at::zeros({6}), {}, d_logits); },
                     "[cross_entropy] row_grad must be of shape [2, 3], got [6]");
}

}  // namespace
}  // namespace tern::test
