#include "engine/optim/schedule.h"

#include <gtest/gtest.h>

namespace tern::test {
namespace {

TEST(CosineLr, RisesFromTheFirstStepToTheBaseRateAtTheEndOfTheWarmUp) {
  const CosineSchedule schedule{.warmup_steps = 4, .total_steps = 20, .min_ratio = 0.1};
  EXPECT_DOUBLE_EQ(cosine_lr(2, 1, schedule), 0.5);
  EXPECT_DOUBLE_EQ(cosine_lr(2, 3, schedule), 1.5);
  EXPECT_DOUBLE_EQ(cosine_lr(2, 4, schedule), 2);
}

TEST(CosineLr, IsHalfWayInTheMiddleAndAtTheMinimumAtTheEnd) {
  const CosineSchedule schedule{.warmup_steps = 4, .total_steps = 20, .min_ratio = 0.1};
  EXPECT_DOUBLE_EQ(cosine_lr(2, 12, schedule), 2 * (0.1 + 0.9 * 0.5));
  EXPECT_DOUBLE_EQ(cosine_lr(2, 20, schedule), 0.2);
}

TEST(CosineLr, WithoutWarmUpOrDecayTheRateIsTheBaseRate) {
  const CosineSchedule schedule{.warmup_steps = 0, .total_steps = 10, .min_ratio = 1};
  for (int64_t step : {1, 5, 10}) EXPECT_DOUBLE_EQ(cosine_lr(3, step, schedule), 3) << step;
}

TEST(CosineLr, WarmUpStepsAreRoundedHalfToEven) {
  EXPECT_DOUBLE_EQ(cosine_lr(2, 1, {.warmup_steps = 2.5, .total_steps = 10}), 1);
  EXPECT_DOUBLE_EQ(cosine_lr(2, 1, {.warmup_steps = 3.5, .total_steps = 10}), 0.5);
}

}  // namespace
}  // namespace tern::test
