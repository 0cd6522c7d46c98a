#include "engine/optim/scaling_rules.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace tern {
namespace {

// nanochat at vocabulary 32768: scaling parameters of depth 12 and 24.
constexpr int64_t kDepth12 = 110100912;
constexpr int64_t kDepth24 = 729810000;

TEST(ScalingRules, TokensFollowTheParameters) {
  EXPECT_EQ(target_tokens(12, kDepth12), 1321210944);
  EXPECT_EQ(target_tokens(10.5, 3), 31) << "rounded down";
}

TEST(ScalingRules, BatchIsAPowerOfTwoNearThePowerLaw) {
  const double reference = 12.0 * kDepth12;
  EXPECT_EQ(best_batch_size(reference, reference), kReferenceBatch);
  // 6.63 times the tokens: 2^(19 + 0.383 log2 6.63) = 2^20.05.
  EXPECT_EQ(best_batch_size(12.0 * kDepth24, reference), kReferenceBatch * 2);
  EXPECT_EQ(best_batch_size(reference / 30, reference), kReferenceBatch / 4);
}

TEST(ScalingRules, LearningRatesFollowBatchAndWidth) {
  EXPECT_EQ(batch_lr_scale(kReferenceBatch), 1);
  EXPECT_EQ(batch_lr_scale(kReferenceBatch * 4), 2);
  EXPECT_EQ(width_lr_scale(768), 1);
  EXPECT_EQ(width_lr_scale(192), 2);
}

// The averaging horizon, in tokens: batch / (lr * decay), as a part of all tokens.
TEST(ScalingRules, WeightDecayKeepsTheAveragingHorizon) {
  const double reference_tokens = 1e9, tokens = 5e9;
  const int64_t batch = kReferenceBatch * 2;
  const double decay = scaled_weight_decay(0.28, batch, tokens, reference_tokens);
  const double horizon = static_cast<double>(batch) / (batch_lr_scale(batch) * decay * tokens);
  const double reference_horizon = static_cast<double>(kReferenceBatch) / (0.28 * reference_tokens);
  EXPECT_NEAR(horizon / reference_horizon, 1, 1e-14);
  EXPECT_DOUBLE_EQ(scaled_weight_decay(0.28, kReferenceBatch, 1e9, 1e9), 0.28);
}

TEST(ScalingRules, TheFirstHorizonGivenDecides) {
  EXPECT_EQ(training_iterations({50, 1e20, 12}, 1e9, kDepth12, 1 << 19), 50);
  EXPECT_EQ(training_iterations({-1, 1e18, 12}, 1e9, kDepth12, 1 << 19), 1907);  // 1e18 / (1e9 * 2^19) = 1907.3
  EXPECT_EQ(training_iterations({-1, -1, 12}, 1e9, kDepth12, 1 << 19), 1321210944 >> 19);
}

void expect_error(const Horizon& horizon, const std::string& text) {
  try {
    (void)training_iterations(horizon, 1e9, 100, 1024);
    ADD_FAILURE() << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(std::string(error.what()), text);
  }
}

TEST(ScalingRules, AHorizonIsNeededAndMustHoldABatch) {
  expect_error({-1, -1, -1},
               "nothing says how long to train, in the configuration, give num_iterations, target_flops or "
               "target_param_data_ratio");
  expect_error({-1, -1, 10},
               "target_param_data_ratio is less than one batch of 1024 tokens, in the configuration, raise it or lower "
               "total_batch_size");
  expect_error({-1, 1e3, 10},
               "target_flops is less than one batch of 1024 tokens, in the configuration, raise it or lower "
               "total_batch_size");
}

}  // namespace
}  // namespace tern
