#include "kernels/common/check.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "kernels/common/cpu_level.h"
#include "tests/kernels/cases.h"

namespace tern::test {
namespace {

using kernels::ArgumentCheck;

TEST(ArgumentCheck, NamesOpArgumentExpectationAndValue) {
  const auto x = at::zeros({2, 3});
  expect_usage_error([&] { ArgumentCheck("op", "x", x).width(4); },
                     "[op] x must be of last dimension 4, got shape [2, 3]");
  expect_usage_error([&] { ArgumentCheck("op", "x", x).min_dims(3); },
                     "[op] x must be of at least 3 dimensions, got shape [2, 3]");
  expect_usage_error(
      [&] {
        ArgumentCheck("op", "x", x).shape({-1, 4});
      },
      "[op] x must be of shape [-1, 4], got [2, 3]");
  expect_usage_error(
      [&] {
        ArgumentCheck("op", "x", x).dtype({at::kInt, at::kLong});
      },
      "[op] x must be of dtype int32 or int64, got float32");
  expect_usage_error([&] { ArgumentCheck("op", "x", x).device_of("y", x.to(at::Device("meta"))); },
                     "[op] x must be on the device of y (meta), got cpu");
}

TEST(ArgumentCheck, LetsGoodArgumentsPass) {
  const auto x = at::zeros({2, 3});
  ArgumentCheck("op", "x", x).on_cpu().floating().min_dims(2).width(3).shape({-1, 3}).shape_of("x", x).contiguous();
}

TEST(CpuLevel, IsOneThatWasCompiled) {
  int calls = 0;
  kernels::with_cpu_level([&]<kernels::CpuLevel level>() {
    EXPECT_EQ(level, kernels::cpu_level());
    ++calls;
  });
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace tern::test
