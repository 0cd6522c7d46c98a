#include "engine/monitor/history.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tern {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Series, KeepsFewValuesAsTheyAre) {
  Series series;
  for (int64_t step = 1; step <= 600; ++step) series.add(step, static_cast<double>(step));
  EXPECT_EQ(series.width(), 1);
  const auto points = series.points();
  ASSERT_EQ(points.size(), 600U);
  EXPECT_EQ(points[41].step, 42);
  EXPECT_EQ(points[41].low, 42);
  EXPECT_EQ(points[41].high, 42);
}

TEST(Series, CondensesManyWithoutLosingExtremesOrMeans) {
  Series series;
  double sum = 0;
  constexpr int64_t kSteps = 100'000;
  for (int64_t step = 1; step <= kSteps; ++step) {
    const double value = step == 54'321 ? 99 : std::sin(static_cast<double>(step));
    sum += value;
    series.add(step, value);
  }
  const auto points = series.points();
  EXPECT_LE(points.size(), Series::kMaxPoints);
  EXPECT_GE(points.size(), Series::kMaxPoints / 2);
  double highest = 0, mean = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    highest = std::max(highest, points[i].high);
    mean += points[i].mean;
    EXPECT_LE(points[i].low, points[i].mean);
    if (i > 0) {
      EXPECT_GT(points[i].step, points[i - 1].step);
    }
  }
  EXPECT_EQ(highest, 99);
  EXPECT_NEAR(mean / static_cast<double>(points.size()), sum / kSteps, 1e-2);
}

TEST(Series, NonFiniteValuesAreCountedNotDrawn) {
  Series series;
  series.add(1, 2);
  series.add(2, kNaN);
  series.add(3, std::numeric_limits<double>::infinity());
  EXPECT_EQ(series.points().size(), 1U);
  EXPECT_EQ(series.non_finite(), 2);
  EXPECT_EQ(series.last(), 2);
}

TEST(Series, EvaluationsOfRareStepsAreFine) {
  Series series;
  for (int64_t step = 1'000'000; step <= 5'000'000; step += 1'000'000) series.add(step, 1);
  EXPECT_EQ(series.points().size(), 5U);
}

TEST(History, AccuracyOfStepsThatFinishedNothingIsNoValue) {
  History history;
  history.add(
      StepReport{.step = 1, .loss = 7, .metrics = {{"train/count", 0}, {"train/accuracy", 0}, {"train/lm_loss", 7}}});
  history.add(
      StepReport{.step = 2, .loss = 6, .metrics = {{"train/count", 1}, {"train/accuracy", 0.5}, {"train/lm_loss", 6}}});
  EXPECT_EQ(history.series().find("train/accuracy")->second.points().size(), 1U);
  EXPECT_EQ(history.series().find("train/lm_loss")->second.points().size(), 2U);
  EXPECT_EQ(history.series().find("train/count"), history.series().end());
}

TEST(History, AddsUpTime) {
  History history;
  history.add(StepReport{.step = 1, .seconds = 2});
  history.add(StepReport{.step = 2, .seconds = kNaN});
  history.add(StepReport{.step = 3, .seconds = 3});
  history.add(EvalReport{.step = 3, .seconds = 7});
  EXPECT_EQ(history.train_seconds(), 5);
  EXPECT_EQ(history.eval_seconds(), 7);
  EXPECT_EQ(history.last_step(), 3);
}

TEST(BestValue, LargestAccuracyFirstOfEquals) {
  const std::vector<EvalReport> evals = {{.step = 1, .metrics = {{"all/exact_accuracy", 0.1}}},
                                         {.step = 2, .metrics = {{"all/exact_accuracy", 0.4}}},
                                         {.step = 3, .metrics = {{"all/exact_accuracy", kNaN}}},
                                         {.step = 4, .metrics = {{"all/exact_accuracy", 0.4}}}};
  const auto best = best_value(evals, "");
  ASSERT_TRUE(best);
  EXPECT_EQ(best->metric, "all/exact_accuracy");
  EXPECT_EQ(best->value, 0.4);
  EXPECT_EQ(best->step, 2);
}

TEST(BestValue, SmallestLoss) {
  const std::vector<EvalReport> evals = {{.step = 1, .metrics = {{"a/acc", 1}, {"all/lm_loss", 0.9}}},
                                         {.step = 2, .metrics = {{"a/acc", 2}, {"all/lm_loss", 0.4}}},
                                         {.step = 3, .metrics = {{"a/acc", 3}, {"all/lm_loss", 0.5}}}};
  EXPECT_EQ(best_value(evals, "all/lm_loss")->step, 2);
  EXPECT_EQ(best_value(evals, "")->step, 3);
}

TEST(BestValue, PrefersTheVote) {
  const std::vector<EvalReport> evals = {
      {.step = 1, .metrics = {{"all/exact_accuracy", 0.1}, {"ARC/pass@1", 0.2}, {"ARC/pass@2", 0.3}}}};
  EXPECT_EQ(best_value(evals, "")->metric, "ARC/pass@2");
}

TEST(BestValue, NoneWithoutEvaluations) {
  EXPECT_FALSE(best_value({}, ""));
  EXPECT_FALSE(best_value({{.step = 1, .metrics = {{"a", 1}}}}, "b"));
  EXPECT_FALSE(best_value({{.step = 1, .metrics = {}}}, ""));
}

}  // namespace
}  // namespace tern
