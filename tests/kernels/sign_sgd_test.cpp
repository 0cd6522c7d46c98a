#include "kernels/sign_sgd/sign_sgd.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

constexpr double kLr = 0.01, kDecay = 0.1;

// Row by row, in float64.
at::Tensor plain(const at::Tensor& weights, const at::Tensor& grads, const at::Tensor& ids) {
  at::Tensor result = weights.to(at::kDouble, false, true), sums = at::zeros(weights.sizes(), at::kDouble);
  at::Tensor touched = at::zeros({weights.size(0)}, at::kBool);
  for (int64_t i = 0; i < ids.numel(); ++i) {
    const int64_t id = ids[i].item<int64_t>();
    sums[id] += grads[i].to(at::kDouble);
    touched[id] = true;
  }
  for (int64_t id = 0; id < weights.size(0); ++id) {
    if (touched[id].item<bool>()) result[id].mul_(1 - kLr * kDecay).sub_(sums[id].sign(), kLr);
  }
  return result;
}

TEST(SignSgd, MatchesPlainAtAwkwardWidths) {
  const auto ids = at::tensor({5, 2, 5, 0, 2, 5, 9}, at::kInt);
  for (auto dtype : {at::kFloat, at::kDouble}) {
    for (int64_t width : awkward_widths()) {
      const auto grads = randn({7, width}, 1, dtype);
      at::Tensor weights = randn({10, width}, 2, dtype);
      const auto expected = plain(weights, grads, ids);
      const auto before = weights.clone();
      kernels::sign_sgd_sparse_step(weights, grads, ids, kLr, kDecay);
      EXPECT_TRUE(close(weights, expected, 1e-6, 1e-7)) << width;
      EXPECT_TRUE(same(weights[1], before[1])) << "an untouched row changed";
    }
  }
}

TEST(SignSgd, TakesBfloat16GradientsAndInt64Ids) {
  const auto ids = at::tensor({3, 3, 1}, at::kLong);
  const auto grads = randn({3, 20}, 3, at::kBFloat16);
  at::Tensor weights = randn({4, 20}, 4, at::kFloat);
  const auto expected = plain(weights, grads, ids);
  kernels::sign_sgd_sparse_step(weights, grads, ids, kLr, kDecay);
  EXPECT_TRUE(close(weights, expected, 1e-6, 1e-7));
}

TEST(SignSgd, GradientsThatCancelOnlyDecay) {
  const auto ids = at::tensor({1, 1}, at::kInt);
  at::Tensor weights = at::ones({2, 3});
  kernels::sign_sgd_sparse_step(weights, at::tensor({1.0, 2.0, 0.0, -1.0, -2.0, 0.0}, at::kFloat).view({2, 3}), ids,
                                kLr, kDecay);
  EXPECT_TRUE(close(weights[1], at::full({3}, 1 - kLr * kDecay), 1e-7, 0));
}

TEST(SignSgd, SumsInTheOrderOfAppearance) {
  // In float32, (1e8 + 1) - 1e8 = 0 while (1e8 - 1e8) + 1 = 1: the order decides whether the weight moves.
  at::Tensor weights = at::zeros({2, 1});
  const auto grads = at::tensor({1e8, 1.0, -1e8, 1e8, -1e8, 1.0}, at::kFloat).view({6, 1});
  kernels::sign_sgd_sparse_step(weights, grads, at::tensor({0, 0, 0, 1, 1, 1}, at::kInt), kLr, 0);
  EXPECT_EQ(weights[0].item<float>(), 0);
  EXPECT_EQ(weights[1].item<float>(), static_cast<float>(-kLr));
}

TEST(SignSgd, NothingTouched) {
  at::Tensor weights = at::ones({2, 3});
  kernels::sign_sgd_sparse_step(weights, at::zeros({0, 3}), at::zeros({0}, at::kInt), kLr, kDecay);
  EXPECT_TRUE(same(weights, at::ones({2, 3})));
}

TEST(SignSgd, RefusesBadArguments) {
  at::Tensor weights = at::ones({4, 3});
  const auto run = [&](const at::Tensor& grads, const at::Tensor& ids) {
    return [&weights, grads, ids] { kernels::sign_sgd_sparse_step(weights, grads, ids, kLr, kDecay); };
  };
  expect_usage_error(run(at::zeros({2, 3}), at::tensor({0, 4}, at::kInt)),
                     "[sign_sgd] ids must be in 0..3, got ids[1] = 4");
  expect_usage_error(run(at::zeros({2, 3}), at::tensor({0, -1}, at::kInt)),
                     "[sign_sgd] ids must be in 0..3, got ids[1] = -1");
  expect_usage_error(run(at::zeros({3, 3}), at::tensor({0, 1}, at::kInt)),
                     "[sign_sgd] grads must be of shape [2, 3], got [3, 3]");
  expect_usage_error(run(at::zeros({2, 3}, at::kDouble), at::tensor({0, 1}, at::kInt)),
                     "[sign_sgd] grads must be of dtype float32 or bfloat16, got float64");
  EXPECT_TRUE(same(weights, at::ones({4, 3})));
}

}  // namespace
}  // namespace tern::test
