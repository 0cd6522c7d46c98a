#include "kernels/adamw/adamw.h"

#include <gtest/gtest.h>

#include "tests/kernels/adam_cases.h"
#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

const kernels::AdamOptions kOptions{
    .lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.1, .step = 2, .ema_decay = 0.9};
constexpr double kEps = 1e-8;

TEST(AdamW, MatchesPlain) {
  const auto direction = [](const at::Tensor& m, const at::Tensor& v, double correction2) {
    return m / (v.sqrt() / correction2 + kEps);
  };
  for (auto dtype : {at::kFloat, at::kDouble}) {
    auto tensors = adam_tensors(dtype, true, true);
    std::vector<kernels::AdamTensor> expected;
    for (const auto& tensor : tensors) expected.push_back(plain_adam(tensor, kOptions, direction));
    kernels::adamw_step(tensors, kOptions, kEps);
    // m / sqrt(v) reaches a few thousand where v is small; the step size of 0.03 takes it down to 100.
    const auto tolerance = rounding_tolerance(dtype, 8, 4);
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_TRUE(close(tensors[i].param, expected[i].param, 4 * tolerance.relative, tolerance.absolute)) << i;
      EXPECT_TRUE(close(tensors[i].exp_avg, expected[i].exp_avg, tolerance.relative, tolerance.absolute)) << i;
      EXPECT_TRUE(close(tensors[i].exp_avg_sq, expected[i].exp_avg_sq, tolerance.relative, tolerance.absolute)) << i;
      if (tensors[i].ema.defined()) {
        EXPECT_TRUE(close(tensors[i].ema, expected[i].ema, 4 * tolerance.relative, tolerance.absolute)) << i;
        EXPECT_TRUE(same(tensors[i].shadow, tensors[i].param.to(at::kFloat).to(at::kBFloat16))) << i;
      }
    }
  }
}

TEST(AdamW, UntouchedWeightsStayFinite) {
  kernels::AdamTensor tensor{at::zeros({3}), at::zeros({3}), at::zeros({3}), at::zeros({3}), {}, {}};
  kernels::adamw_step({&tensor, 1}, kOptions, kEps);
  EXPECT_TRUE(same(tensor.param, at::zeros({3})));
}

TEST(AdamW, RefusesBadArguments) {
  kernels::AdamTensor tensor{at::zeros({3}), at::zeros({4}), at::zeros({3}), at::zeros({3}), {}, {}};
  expect_usage_error(
      [&] {
        kernels::adamw_step({&tensor, 1}, kOptions, kEps);
      },
      "[adamw] tensors[0].grad must be of the shape of param [3], got [4]");
  expect_usage_error([&] { kernels::adamw_step({}, kOptions, 0); }, "[adamw] eps must be above 0, got 0");
}

}  // namespace
}  // namespace tern::test
