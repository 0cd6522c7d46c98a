// Row gradients against the dense ones that they stand for: the same updates, norms and scales, bit for bit.
#include "engine/optim/adamw_rows.h"

#include <gtest/gtest.h>

#include "engine/optim/pretraining_optimizer.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

constexpr int64_t kRows = 9000, kWidth = 256;  // more than two slices

// A table of which a step reads 40 rows, some of them twice, and a matrix.
struct Tables {
  TensorList table = {{"table", randn({kRows, kWidth}, 1, at::kFloat).set_requires_grad(true)}};
  TensorList matrices = {{"m", randn({8, 8}, 2, at::kFloat).set_requires_grad(true)}};
  kernels::ShadowWeights shadows;

  // As autograd leaves it, or dense.
  void set_gradients(uint64_t step, bool dense) const {
    const at::Tensor ids = randn({40}, step).abs().mul(2500).to(at::kLong).remainder(kRows);
    ids[0] = ids[7];
    ids[1] = 0;
    ids[2] = kRows - 1;
    const at::Tensor compact = kernels::make_row_gradients(ids, randn({40, kWidth}, step + 50, at::kFloat), kRows);
    table[0].second.mutable_grad() = dense ? kernels::dense_gradient(compact) : compact;
    matrices[0].second.mutable_grad() = randn({8, 8}, step + 90, at::kFloat);
  }

  [[nodiscard]] MuonAdamW optimizer(Shard shard = {}) const {
    return MuonAdamW({{.parameters = table, .shadows = shadows, .lr = 0.1, .beta1 = 0.8, .weight_decay = 0.01}},
                     {.parameters = matrices, .recipe = {}}, shard);
  }
};

void expect_same(const TensorList& actual, const TensorList& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_TRUE(same(actual[i].second.detach(), expected[i].second.detach())) << actual[i].first;
  }
}

TEST(AdamWRows, StepsAsFromTheDenseGradient) {
  const Tables compact, dense;
  MuonAdamW first = compact.optimizer(), second = dense.optimizer();
  for (uint64_t step = 1; step <= 3; ++step) {
    compact.set_gradients(step, false);
    dense.set_gradients(step, true);
    EXPECT_EQ(first.grad_norm(), second.grad_norm());
    first.step({.grad_scale = step == 2 ? 0.3 : 1});
    second.step({.grad_scale = step == 2 ? 0.3 : 1});
    expect_same(first.parameters(), second.parameters());
    expect_same(first.state(), second.state());
  }
  first.zero_grad();
  EXPECT_FALSE(compact.table[0].second.grad().defined());
}

TEST(AdamWRows, ARankStepsTheRowsThatItOwns) {
  const Tables compact, dense;
  MuonAdamW first = compact.optimizer({1, 2}), second = dense.optimizer({1, 2});
  compact.set_gradients(1, false);
  dense.set_gradients(1, true);
  first.step({});
  second.step({});
  expect_same(first.parameters(), second.parameters());
  expect_same(first.state(), second.state());
}

TEST(AdamWRows, TheShadowIsWrittenInTheSamePass) {
  Tables compact;
  const auto shadow = std::make_shared<kernels::ShadowWeight>(at::kBFloat16);
  compact.shadows = {shadow};
  const at::Tensor& table = compact.table[0].second;
  shadow->refresh(table);
  const void* memory = shadow->value().const_data_ptr();
  MuonAdamW optimizer = compact.optimizer();
  compact.set_gradients(1, false);
  optimizer.step({});
  shadow->refresh(table);
  EXPECT_EQ(shadow->value().const_data_ptr(), memory);
  EXPECT_TRUE(same(shadow->value(), table.detach().to(at::kBFloat16)));
}

TEST(AdamWRows, ClippingIsThatOfTheDenseGradient) {
  const Tables compact, dense;
  const PretrainingSchedule schedule{.num_iterations = 10, .grad_clip = 1};
  PretrainingOptimizer first(compact.optimizer(), schedule), second(dense.optimizer(), schedule);
  compact.set_gradients(1, false);
  dense.set_gradients(1, true);
  ASSERT_GT(second.grad_norm(), 1) << "nothing is clipped";
  EXPECT_EQ(first.grad_norm(), second.grad_norm());
  first.step(1);
  second.step(1);
  expect_same(first.parameters(), second.parameters());
}

// A process that clips before the mean scales what it has.
TEST(AdamWRows, ScaleAsTheDenseGradient) {
  const Tables compact, dense;
  MuonAdamW first = compact.optimizer(), second = dense.optimizer();
  compact.set_gradients(1, false);
  dense.set_gradients(1, true);
  first.scale_gradients(0.3);
  second.scale_gradients(0.3);
  EXPECT_TRUE(kernels::is_row_gradients(compact.table[0].second.grad()));
  EXPECT_TRUE(same(kernels::dense_gradient(compact.table[0].second.grad()), dense.table[0].second.grad()));
}

}  // namespace
}  // namespace tern::test
