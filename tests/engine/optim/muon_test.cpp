#include "engine/optim/muon.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_svdvals.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/tensors.h"

namespace tern::test {
namespace {

at::Tensor norms(const at::Tensor& x) {
  return x.norm(2, {-2, -1});
}

// U V^T of the singular value decomposition, what the iterations are after.
at::Tensor polar_factor(const at::Tensor& x) {
  const auto [u, s, vh] = at::linalg_svd(x, false);
  return at::bmm(u, vh);
}

const std::vector<std::vector<int64_t>> kShapes = {{3, 16, 16}, {2, 24, 8}, {2, 8, 24}};

TEST(Muon, MomentumLooksAhead) {
  at::Tensor buffer = at::tensor({1.0, -2.0});
  const at::Tensor gradient = at::tensor({3.0, 4.0});
  const at::Tensor update = muon::momentum(gradient, buffer, 0.75);
  EXPECT_TRUE(close(buffer, at::tensor({1.5, -0.5}), 1e-15, 0));     // 0.75 b + 0.25 g
  EXPECT_TRUE(close(update, at::tensor({1.875, 0.625}), 1e-15, 0));  // 0.25 g + 0.75 b'
  EXPECT_TRUE(close(gradient, at::tensor({3.0, 4.0}), 0, 0)) << "the gradient is left alone";
}

TEST(Muon, EquilibrateGivesEveryRowTheMeanNorm) {
  const at::Tensor x = randn({2, 5, 7}, 1, at::kFloat);
  const at::Tensor y = muon::equilibrate(x);
  EXPECT_TRUE(close(norms(y), norms(x), 1e-5, 0));
  const at::Tensor row_norms = y.norm(2, {-1});
  EXPECT_TRUE(close(row_norms, norms(x).unsqueeze(1).expand({2, 5}) / std::sqrt(5.0), 1e-5, 0));
}

// The paper's guarantee: after 5 steps every singular value above 1e-3 of the largest is within a few percent of 1.
TEST(Muon, PolarExpressDrivesSingularValuesToOne) {
  for (const auto& shape : kShapes) {
    const at::Tensor x = randn(shape, 2, at::kFloat);
    const at::Tensor values = at::linalg_svdvals(muon::polar_express(x, 5));
    EXPECT_LT((values - 1).abs().max().item<double>(), 0.15) << x.sizes();
    const at::Tensor aligned = muon::polar_express(x, 5) - polar_factor(x);
    EXPECT_LT((norms(aligned) / norms(x)).max().item<double>(), 0.15) << x.sizes();
  }
}

TEST(Muon, NewtonSchulzBringsSingularValuesNearOne) {
  for (const auto& shape : kShapes) {
    const at::Tensor x = randn(shape, 3, at::kFloat);
    const at::Tensor values = at::linalg_svdvals(muon::newton_schulz(x, 10));
    EXPECT_GT(values.min().item<double>(), 0.65) << x.sizes();
    EXPECT_LT(values.max().item<double>(), 1.25) << x.sizes();
  }
}

// On a diagonal matrix the iteration is a polynomial of each entry.
TEST(Muon, NewtonSchulzIsTheQuinticOfEachSingularValue) {
  const at::Tensor x = at::tensor({0.6, 0.8}, at::kFloat).diag().unsqueeze(0);  // Frobenius norm 1
  const auto quintic = [](double s) { return 3.4445 * s - 4.7750 * s * s * s + 2.0315 * std::pow(s, 5); };
  const at::Tensor expected =
      at::tensor({quintic(quintic(0.6)), quintic(quintic(0.8))}, at::kFloat).diag().unsqueeze(0);
  EXPECT_TRUE(close(muon::newton_schulz(x, 2), expected, 1e-5, 1e-6));
}

TEST(Muon, TransposedInputGivesTransposedResult) {
  const at::Tensor x = randn({2, 12, 5}, 4, at::kFloat);
  EXPECT_TRUE(close(muon::polar_express(x.mT().contiguous(), 5), muon::polar_express(x, 5).mT(), 1e-4, 1e-5));
  EXPECT_TRUE(close(muon::newton_schulz(x.mT().contiguous(), 5), muon::newton_schulz(x, 5).mT(), 1e-4, 1e-5));
}

TEST(Muon, RenormalizeGivesTheNormOfAnOrthogonalMatrix) {
  const at::Tensor y = muon::renormalize(randn({3, 6, 9}, 5, at::kFloat));
  EXPECT_TRUE(close(norms(y), at::full({3}, std::sqrt(6.0)), 1e-5, 0));
}

// With beta2 = 0 the running mean square is the present one: all rows (columns, if wide) get the same norm.
TEST(Muon, ReduceVarianceEqualizesTheLongSideAndKeepsTheNorm) {
  for (const auto& shape : kShapes) {
    const at::Tensor x = randn(shape, 6, at::kFloat);
    at::Tensor second_moment = at::zeros(muon::second_moment_sizes(x.sizes()), at::kFloat);
    const at::Tensor y = muon::reduce_variance(x, second_moment, 0);
    EXPECT_TRUE(close(norms(y), norms(x), 1e-5, 0));
    const at::Tensor sizes = y.norm(2, {x.size(1) >= x.size(2) ? -1 : -2});
    EXPECT_TRUE(close(sizes, sizes.mean({1}, true).expand(sizes.sizes()), 1e-4, 0));
  }
}

TEST(Muon, ReduceVarianceAveragesOverSteps) {
  at::Tensor second_moment = at::zeros({1, 2, 1}, at::kFloat);
  const at::Tensor x = at::tensor({2.0, 0.0, 0.0, 4.0}, at::kFloat).view({1, 2, 2});
  (void)muon::reduce_variance(x, second_moment, 0.9);
  EXPECT_TRUE(close(second_moment.flatten(), at::tensor({0.2, 0.8}), 1e-6, 0));  // 0.1 * mean square 2 and 8
  (void)muon::reduce_variance(x, second_moment, 0.9);
  EXPECT_TRUE(close(second_moment.flatten(), at::tensor({0.38, 1.52}), 1e-6, 0));
}

TEST(Muon, WeightDecayIsCautious) {
  at::Tensor parameters = at::tensor({1.0, 1.0, -1.0, 0.0});
  muon::apply(parameters, at::tensor({0.5, -0.5, -0.5, 2.0}), 0.1, 0.2);
  // Signs agree in the first and third: these shrink by lr * wd = 2%.
  EXPECT_TRUE(close(parameters, at::tensor({0.98 - 0.05, 1.05, -0.98 + 0.05, -0.2}), 1e-14, 0));
}

TEST(Muon, TallMatricesMoveFaster) {
  EXPECT_EQ(muon::shape_factor(4, 4), 1);
  EXPECT_EQ(muon::shape_factor(2, 8), 1);
  EXPECT_EQ(muon::shape_factor(16, 4), 2);
}

}  // namespace
}  // namespace tern::test
