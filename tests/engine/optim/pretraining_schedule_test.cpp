#include "engine/optim/pretraining_schedule.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

// 1000 iterations: warm-up 40, warm-down from 350.
constexpr PretrainingSchedule kSchedule{.num_iterations = 1000, .weight_decay = 0.28};

TEST(PretrainingSchedule, LearningRateIsATrapezoid) {
  EXPECT_DOUBLE_EQ(lr_multiplier(0, kSchedule), 1.0 / 40);
  EXPECT_DOUBLE_EQ(lr_multiplier(38, kSchedule), 39.0 / 40);
  EXPECT_DOUBLE_EQ(lr_multiplier(39, kSchedule), 1);
  EXPECT_DOUBLE_EQ(lr_multiplier(40, kSchedule), 1);
  EXPECT_DOUBLE_EQ(lr_multiplier(350, kSchedule), 1);
  EXPECT_DOUBLE_EQ(lr_multiplier(351, kSchedule), 649.0 / 650 + 1.0 / 650 * 0.05);
  EXPECT_DOUBLE_EQ(lr_multiplier(675, kSchedule), 0.5 + 0.5 * 0.05);
  EXPECT_DOUBLE_EQ(lr_multiplier(1000, kSchedule), 0.05);
}

TEST(PretrainingSchedule, WarmUpAndWarmDownMayBeOff) {
  PretrainingSchedule schedule = kSchedule;
  schedule.warmup_steps = 0;
  EXPECT_DOUBLE_EQ(lr_multiplier(0, schedule), 1);
  schedule.warmdown_ratio = 0;
  EXPECT_DOUBLE_EQ(lr_multiplier(1000, schedule), 1);
  EXPECT_DOUBLE_EQ(muon_momentum(1000, schedule), 0.97);
}

TEST(PretrainingSchedule, HalfIterationsOfWarmDownRoundToEven) {
  EXPECT_EQ(warmdown_iterations({.num_iterations = 10, .warmdown_ratio = 0.65}), 6);  // Python: round(6.5) == 6
  EXPECT_EQ(warmdown_iterations({.num_iterations = 10, .warmdown_ratio = 0.75}), 8);
}

TEST(PretrainingSchedule, MomentumRisesStaysAndFalls) {
  constexpr PretrainingSchedule schedule{.num_iterations = 2000};  // warm-down from 700
  EXPECT_DOUBLE_EQ(muon_momentum(0, schedule), 0.85);
  EXPECT_DOUBLE_EQ(muon_momentum(200, schedule), 0.91);
  EXPECT_DOUBLE_EQ(muon_momentum(400, schedule), 0.97);
  EXPECT_DOUBLE_EQ(muon_momentum(700, schedule), 0.97);
  EXPECT_DOUBLE_EQ(muon_momentum(1350, schedule), 0.935);
  EXPECT_DOUBLE_EQ(muon_momentum(2000, schedule), 0.90);
  EXPECT_DOUBLE_EQ(muon_momentum(399, kSchedule), (1 - 399.0 / 400) * 0.85 + 399.0 / 400 * 0.97)
      << "the rise is finished first, even inside the warm-down";
}

TEST(PretrainingSchedule, WeightDecayIsACosineToZero) {
  EXPECT_DOUBLE_EQ(muon_weight_decay(0, kSchedule), 0.28);
  EXPECT_NEAR(muon_weight_decay(500, kSchedule), 0.14, 1e-15);
  EXPECT_NEAR(muon_weight_decay(1000, kSchedule), 0, 1e-15);
}

TEST(PretrainingSchedule, GradientsAreScaledDownToTheNorm) {
  EXPECT_EQ(gradient_scale(1e9, kSchedule), 1) << "no clipping";
  constexpr PretrainingSchedule clipped{.num_iterations = 10, .grad_clip = 2};
  EXPECT_EQ(gradient_scale(1.5, clipped), 1);
  EXPECT_DOUBLE_EQ(gradient_scale(8, clipped), 2 / (8 + 1e-6));
}

}  // namespace
}  // namespace tern
