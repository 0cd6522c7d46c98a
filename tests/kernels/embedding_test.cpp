#include "kernels/embedding/embedding.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/matmul.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <functional>

#include "kernels/embedding/row_gradients.h"
#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using kernels::RowGradients;

using Lookup = std::function<at::Tensor(const at::Tensor&, const at::Tensor&)>;

at::Tensor leaf(at::IntArrayRef sizes, at::ScalarType dtype) {
  return randn(sizes, 1, dtype).set_requires_grad(true);
}

// Ids of a text in which some rows come often, in no order, and most not at all.
at::Tensor text(int64_t batch, int64_t length, int64_t rows, int64_t seed) {
  const at::Tensor i = at::arange(batch * length, at::kLong) + 100 * seed;
  return (i * i * 7 + i).remainder(std::max<int64_t>(rows / 3, 1)).mul(2).remainder(rows).view({batch, length});
}

// The gradient of a table [rows, width] after a backward pass for each of `passes` texts.
at::Tensor gradient(const Lookup& lookup, int64_t rows, int64_t width, at::ScalarType dtype, int64_t passes) {
  const at::Tensor table = leaf({rows, width}, dtype);
  for (int64_t pass = 0; pass < passes; ++pass) {
    const at::Tensor read = lookup(table, text(2, 37 + pass, rows, pass));
    read.backward(randn(read.sizes(), static_cast<uint64_t>(10 + pass), dtype));
  }
  return table.grad();
}

at::Tensor dense_lookup(const at::Tensor& table, const at::Tensor& ids) {
  return at::embedding(table, ids);
}

TEST(Embedding, TheGradientOfItsRowsIsTheDenseOneBitForBit) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    for (const auto& [rows, width] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {7, 3}, {500, 64}, {40, 1000}}) {
      for (const int64_t passes : {1, 2, 4}) {
        const at::Tensor compact = gradient(kernels::embedding, rows, width, dtype, passes);
        ASSERT_TRUE(kernels::is_row_gradients(compact));
        EXPECT_TRUE(same(kernels::dense_gradient(compact), gradient(dense_lookup, rows, width, dtype, passes)))
            << rows << " x " << width << ", " << passes << " passes";
      }
    }
  }
}

TEST(Embedding, TheGradientHoldsEachRowThatWasReadOnce) {
  const at::Tensor table = leaf({9, 2}, at::kFloat);
  const at::Tensor read = kernels::embedding(table, at::tensor({7, 2, 7, 0}, at::kLong));
  EXPECT_TRUE(same(read.detach(), at::embedding(table.detach(), at::tensor({7, 2, 7, 0}, at::kLong))));
  read.backward(at::tensor({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F, 7.0F, 8.0F}).view({4, 2}));
  const RowGradients gradient = kernels::row_gradients(table.grad());
  EXPECT_TRUE(same(gradient.rows, at::tensor({0, 2, 7}, at::kLong)));
  EXPECT_TRUE(same(gradient.values, at::tensor({7.0F, 8.0F, 3.0F, 4.0F, 6.0F, 8.0F}).view({3, 2})));
}

TEST(Embedding, RowsAreNumberedFromTheFirstOfAPart) {
  const RowGradients all{.rows = at::tensor({1, 4, 5, 9}, at::kLong), .values = randn({4, 3}, 1, at::kFloat)};
  const RowGradients part = all.narrow(4, 5);
  EXPECT_TRUE(same(part.rows, at::tensor({0, 1}, at::kLong)));
  EXPECT_TRUE(same(part.values, all.values.narrow(0, 1, 2)));
  EXPECT_EQ(all.narrow(6, 3).rows.numel(), 0);
}

TEST(Embedding, ATableWithAnotherGradientHasADenseOne) {
  const at::Tensor ids = text(1, 9, 12, 0), x = randn({12}, 3, at::kFloat);
  const auto both_uses = [&](const Lookup& lookup) {
    const at::Tensor table = leaf({12, 5}, at::kFloat);
    (lookup(table, ids).square().sum() + at::matmul(x, table).square().sum()).backward();
    return table.grad();
  };
  EXPECT_TRUE(same(both_uses(kernels::embedding), both_uses(dense_lookup)));
}

// As long as rows are whole vectors, of which the widest have 16 numbers.
TEST(Embedding, TheNormIsThatOfTheDenseGradientBitForBit) {
  for (const int64_t width : {16, 64, 256}) {
    const at::Tensor compact = gradient(kernels::embedding, 3000, width, at::kFloat, 2);
    EXPECT_TRUE(same(kernels::gradient_norm(compact), kernels::dense_gradient(compact).norm())) << width;
  }
}

TEST(Embedding, ReadsAsATenWhereNoGradientIsWanted) {
  const at::Tensor table = randn({6, 4}, 1, at::kFloat).to(at::kBFloat16), ids = text(2, 3, 6, 0);
  EXPECT_TRUE(same(kernels::embedding(table, ids), at::embedding(table, ids)));
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(kernels::embedding(leaf({6, 4}, at::kFloat), ids).requires_grad());
}

TEST(Embedding, NoTextLeavesNoRows) {
  const at::Tensor compact = kernels::make_row_gradients(at::zeros({0}, at::kLong), at::zeros({0, 4}, at::kFloat), 5);
  EXPECT_EQ(kernels::row_gradients(compact).rows.numel(), 0);
  EXPECT_TRUE(same(kernels::dense_gradient(compact), at::zeros({5, 4}, at::kFloat)));
  EXPECT_EQ(kernels::gradient_norm(compact).item<double>(), 0);
}

TEST(Embedding, RefusesBadArguments) {
  const at::Tensor table = leaf({6, 4}, at::kFloat), ids = text(1, 3, 6, 0);
  expect_usage_error([&] { (void)kernels::embedding(table.view(-1), ids); },
                     "[embedding] table must be of shape [-1, -1], got [24]");
  expect_usage_error([&] { (void)kernels::embedding(table, ids.to(at::kInt)); },
                     "[embedding] ids must be of dtype int64, got int32");
  expect_usage_error(
      [&] {
        (void)kernels::embedding(leaf({6, 4}, at::kBFloat16), ids);
      },
      "[embedding] table must be of dtype float32 or float64, got bfloat16");
  expect_usage_error(
      [&] {
        (void)kernels::make_row_gradients(ids, at::zeros({2, 4}), 6);
      },
      "[row_gradients] gradient must be of shape [1, 3, -1], got [2, 4]");
  EXPECT_THROW((void)kernels::embedding(table, at::tensor({6}, at::kLong)), c10::Error);
}

}  // namespace
}  // namespace tern::test
