#include "engine/monitor/axis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

namespace tern {
namespace {

using Labels = std::vector<std::string>;

TEST(Axis, TicksAreRoundNumbers) {
  EXPECT_EQ(linear_axis(0.03, 0.97, 5, true).labels, (Labels{"0", "0.2", "0.4", "0.6", "0.8", "1"}));
  EXPECT_EQ(linear_axis(0, 4000, 6, false).labels, (Labels{"0", "1000", "2000", "3000", "4000"}));
  EXPECT_EQ(linear_axis(0, 518071, 6, false).labels, (Labels{"0", "100k", "200k", "300k", "400k", "500k"}));
  EXPECT_EQ(linear_axis(0, 2.4e6, 6, false).labels, (Labels{"0", "0.5M", "1M", "1.5M", "2M"}));
  EXPECT_EQ(linear_axis(0, 1e-4, 5, true).labels, (Labels{"0", "2e-5", "4e-5", "6e-5", "8e-5", "1e-4"}));
  EXPECT_EQ(linear_axis(-3, 5, 5, true).labels, (Labels{"-4", "-2", "0", "2", "4", "6"}));
}

TEST(Axis, LogarithmicTicks) {
  EXPECT_EQ(log_axis(0.02, 7).labels, (Labels{"0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5"}));
  EXPECT_EQ(log_axis(1e-6, 10).labels, (Labels{"1e-6", "1e-5", "1e-4", "1e-3", "0.01", "0.1", "1", "10"}));
  EXPECT_DOUBLE_EQ(log_axis(0.01, 100).position(1), 0.5);
}

TEST(Axis, FlatCurveLiesInTheMiddle) {
  EXPECT_DOUBLE_EQ(linear_axis(3, 3, 5, true).position(3), 0.5);
  EXPECT_DOUBLE_EQ(linear_axis(0, 0, 5, true).position(0), 0.5);
  EXPECT_DOUBLE_EQ(log_axis(3, 3).position(3), 0.5);
}

TEST(Axis, AnyRangeGetsAFewDistinctTicksInside) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> mantissa(-10, 10), exponent(-12, 12);
  for (int i = 0; i < 5000; ++i) {
    const double scale = std::pow(10, exponent(random));
    double low = mantissa(random) * scale, high = mantissa(random) * scale;
    if (low > high) std::swap(low, high);
    const Axis axis = linear_axis(low, high, 5, true);
    ASSERT_LE(axis.low, low + 1e-9 * scale);
    ASSERT_GE(axis.high, high - 1e-9 * scale);
    ASSERT_GE(axis.ticks.size(), 3U) << low << " " << high;
    ASSERT_LE(axis.ticks.size(), 8U) << low << " " << high;
  }
}

}  // namespace
}  // namespace tern
