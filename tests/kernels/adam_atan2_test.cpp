#include "kernels/adam_atan2/adam_atan2.h"

#include <ATen/ops/atan2.h>
#include <gtest/gtest.h>

#include "tests/kernels/adam_cases.h"
#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using kernels::AdamOptions;
using kernels::AdamTensor;
using kernels::Angle;

const AdamOptions kOptions{.lr = 0.01, .beta1 = 0.9, .beta2 = 0.95, .weight_decay = 0.1, .step = 3, .ema_decay = 0.9};

at::Tensor direction(const at::Tensor& m, const at::Tensor& v, double correction2) {
  return at::atan2(m, v.sqrt() / correction2);
}

class AdamAtan2Angles : public testing::TestWithParam<Angle> {};

INSTANTIATE_TEST_SUITE_P(Both, AdamAtan2Angles, testing::Values(Angle::aten, Angle::fast),
                         [](const auto& tested) { return tested.param == Angle::aten ? "aten" : "fast"; });

TEST_P(AdamAtan2Angles, MatchesPlain) {
  for (auto dtype : {at::kFloat, at::kDouble}) {
    for (bool extras : {false, true}) {
      auto tensors = adam_tensors(dtype, extras, extras);
      std::vector<AdamTensor> expected;
      for (const auto& tensor : tensors) expected.push_back(plain_adam(tensor, kOptions, direction));
      kernels::adam_atan2_step(tensors, kOptions, GetParam());
      // Values up to 5 (v up to 25), a handful of roundings each.
      const auto tolerance = rounding_tolerance(dtype, 8, 4);
      for (size_t i = 0; i < tensors.size(); ++i) {
        EXPECT_TRUE(close(tensors[i].exp_avg, expected[i].exp_avg, tolerance.relative, tolerance.absolute)) << i;
        EXPECT_TRUE(close(tensors[i].exp_avg_sq, expected[i].exp_avg_sq, tolerance.relative, tolerance.absolute)) << i;
        EXPECT_TRUE(close(tensors[i].param, expected[i].param, tolerance.relative, tolerance.absolute)) << i;
        if (!tensors[i].ema.defined()) continue;
        EXPECT_TRUE(close(tensors[i].ema, expected[i].ema, tolerance.relative, tolerance.absolute)) << i;
        EXPECT_TRUE(same(tensors[i].shadow, tensors[i].param.to(at::kFloat).to(at::kBFloat16))) << i;
      }
    }
  }
}

TEST_P(AdamAtan2Angles, AngleIsGoodToAFewUnitsInTheLastPlace) {
  // betas of 0 and step 1: the new p is -lr * atan2(g, |g'|), with g' from a v that the gradient does not change much.
  std::vector<float> m, v;
  for (float ratio = 1e-6f; ratio < 1e6f; ratio *= 1.0007f) {
    m.push_back(m.size() % 2 == 0 ? ratio : -ratio);
    v.push_back(1.0f);
  }
  for (auto [extreme_m, extreme_v] : {std::pair{0.0f, 0.0f},
                                      {1e-30f, 0.0f},
                                      {-1e-30f, 0.0f},
                                      {1e30f, 1e-30f},
                                      {-1.0f, 1e30f},
                                      {0.0f, 1.0f},
                                      {1e-42f, 1e-42f},
                                      {-3.0f, 9.0f}}) {
    m.push_back(extreme_m);
    v.push_back(extreme_v);
  }
  const auto size = static_cast<int64_t>(m.size());
  AdamTensor tensor{at::zeros({size}), at::zeros({size}), at::tensor(m, at::kFloat), at::tensor(v, at::kFloat)};
  // With a gradient of 0 and betas of 1/2 both moments are halved, exactly, before the angle is taken.
  const AdamOptions halve{.lr = 1, .beta1 = 0.5, .beta2 = 0.5, .step = 1};
  const auto expected = plain_adam(tensor, halve, direction);
  kernels::adam_atan2_step({&tensor, 1}, halve, GetParam());
  EXPECT_TRUE(close(tensor.param, expected.param, 4 * 0x1p-23, 0));
}

TEST_P(AdamAtan2Angles, NanGradientReachesTheWeight) {
  AdamTensor tensor{at::zeros({9}), at::zeros({9}), at::zeros({9}), at::zeros({9}), {}, {}};
  tensor.grad[4] = std::nan("");
  kernels::adam_atan2_step({&tensor, 1}, kOptions, GetParam());
  EXPECT_TRUE(std::isnan(tensor.param[4].item<float>()));
  EXPECT_EQ(tensor.param[5].item<float>(), 0);
}

TEST(AdamAtan2, EmptyListDoesNothing) {
  kernels::adam_atan2_step({}, kOptions);
}

TEST(AdamAtan2, RefusesBadArguments) {
  const auto good = [] { return AdamTensor{at::zeros({4}), at::zeros({4}), at::zeros({4}), at::zeros({4}), {}, {}}; };
  const auto run = [](AdamTensor tensor, AdamOptions options) {
    return [=] { kernels::adam_atan2_step({&tensor, 1}, options); };
  };
  AdamTensor tensor = good();
  tensor.grad = at::zeros({5});
  expect_usage_error(run(tensor, kOptions), "[adam_atan2] tensors[0].grad must be of the shape of param [4], got [5]");
  tensor = good();
  tensor.exp_avg = at::zeros({4}, at::kDouble);
  expect_usage_error(run(tensor, kOptions), "[adam_atan2] tensors[0].exp_avg must be of dtype float32, got float64");
  tensor = good();
  tensor.shadow = at::zeros({4});
  expect_usage_error(run(tensor, kOptions), "[adam_atan2] tensors[0].shadow must be of dtype bfloat16, got float32");
  tensor = good();
  tensor.exp_avg_sq = at::zeros({8}).slice(0, 0, 8, 2);
  expect_usage_error(run(tensor, kOptions), "[adam_atan2] tensors[0].exp_avg_sq must be contiguous, got strides [2]");
  tensor = good();
  tensor.param = at::Tensor();
  expect_usage_error(run(tensor, kOptions), "[adam_atan2] tensors[0].param must be a tensor, got an undefined tensor");
  AdamOptions options = kOptions;
  options.step = 0;
  expect_usage_error(run(good(), options), "[adam_atan2] step must be 1 or more, got 0");
  options = kOptions;
  options.beta2 = 1;
  expect_usage_error(run(good(), options), "[adam_atan2] beta2 must be in [0, 1), got 1");
  options = kOptions;
  options.lr = std::nan("");
  expect_usage_error(run(good(), options), "[adam_atan2] lr must be 0 or more, got nan");
}

}  // namespace
}  // namespace tern::test
