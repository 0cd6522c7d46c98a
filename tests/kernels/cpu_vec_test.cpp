// The vector helpers themselves, at the level that this file is compiled for (baseline); the ops' tests cover the
// others.
#include "kernels/common/cpu_vec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace tern::kernels {
namespace {

float exp_of(float x) {
  float lanes[at::vec::Vectorized<float>::size()];
  fast_exp(at::vec::Vectorized<float>(x)).store(lanes);
  return lanes[0];
}

TEST(CpuVec, ExpIsGoodToTwoUnitsInTheLastPlace) {
  for (float x = -87.3f; x < 88.37f; x += 0.0137f) {
    const double expected = std::exp(static_cast<double>(x));
    EXPECT_NEAR(exp_of(x) / expected, 1, 2 * 0x1p-23) << x;
  }
}

TEST(CpuVec, ExpAtTheEdges) {
  EXPECT_EQ(exp_of(0), 1);
  EXPECT_EQ(exp_of(-88), 0);
  EXPECT_EQ(exp_of(-std::numeric_limits<float>::infinity()), 0);
  EXPECT_EQ(exp_of(1000), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(exp_of(std::nanf(""))));
}

TEST(CpuVec, TailsTouchOnlyTheirElements) {
  constexpr int64_t width = Vec<c10::BFloat16>::size();
  for (int64_t count = 1; count < width; ++count) {
    std::vector<c10::BFloat16> from(static_cast<size_t>(width), c10::BFloat16(3.0f)),
        to(from.size(), c10::BFloat16(7.0f));
    const auto v = load(from.data(), count);
    float lanes[width];
    v.store(lanes);
    for (int64_t i = 0; i < width; ++i) EXPECT_EQ(lanes[i], i < count ? 3.0f : 0.0f);
    store(to.data(), v, count);
    for (int64_t i = 0; i < width; ++i)
      EXPECT_EQ(static_cast<float>(to[static_cast<size_t>(i)]), i < count ? 3.0f : 7.0f);
  }
}

TEST(CpuVec, VectorsCoverTheRangeOnce) {
  for (int64_t size : {0, 1, 7, 8, 9, 40}) {
    std::vector<int> visits(static_cast<size_t>(size));
    for_each_vector<float>(size, [&](int64_t i, auto count) {
      for (int64_t k = 0; k < count; ++k) ++visits[static_cast<size_t>(i + k)];
    });
    for (int visit : visits) EXPECT_EQ(visit, 1);
  }
}

}  // namespace
}  // namespace tern::kernels
