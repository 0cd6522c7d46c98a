// A kernel's cases on fibers, against float64, under several thread orders. What else is watched depends on the build:
// races, or bounds and undefined behaviour.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/simt/runtime.h"
#include "tests/kernels/cuda_proof/compare.h"
#include "tests/kernels/support/device_memory.h"

namespace tern::kernels::test {
namespace {

std::vector<simt::Schedule> schedules(bool uses_async_copies) {
  std::vector<simt::Schedule> list;
  if (simt::race_detection())
    list = {{0, false}, {1, false}};
  else if (simt::address_sanitizer())
    list = {{0, false}};
  else
    list = {{0, false}, {1, false}, {2, false}, {3, false}};
  if (uses_async_copies) list.insert(list.end(), {{0, true}, {2, true}});
  return list;
}

std::vector<Case> cases_of_this_build() {
  const bool slow = simt::race_detection() || simt::address_sanitizer();
  std::vector<Case> cases = proof_cases();
  std::erase_if(cases, [&](const Case& one) { return slow && one.large; });
  return cases;
}

class Emulated : public testing::TestWithParam<Case> {};

bool same_values(const std::vector<Output>& actual, const std::vector<Output>& expected) {
  const auto alike = [](const Output& a, const Output& b) {
    return std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
                      [](double x, double y) { return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y); });
  };
  return std::equal(actual.begin(), actual.end(), expected.begin(), expected.end(), alike);
}

TEST_P(Emulated, MatchesFloat64UnderEverySchedule) {
  const std::vector<Expected> expected = GetParam().expected();
  std::vector<Output> first;
  bool uses_async_copies = false;
  for (size_t i = 0; i < schedules(uses_async_copies).size(); ++i) {
    const simt::Schedule schedule = schedules(uses_async_copies)[i];
    simt::set_schedule(schedule);
    const std::vector<Output> outputs = GetParam().run();
    const std::string report = compare(outputs, expected);
    EXPECT_TRUE(report.empty()) << "seed " << schedule.seed << ", eager " << schedule.eager_async << ": " << report;
    if (i == 0) first = outputs;
    EXPECT_TRUE(GetParam().sums_in_any_order || same_values(outputs, first))
        << "seed " << schedule.seed << ", eager " << schedule.eager_async << " gives other bits than the first run";
    for (const std::string& violation : take_violations()) ADD_FAILURE() << violation;
    uses_async_copies = simt::take_stats().async_copies > 0 || uses_async_copies;
  }
}

// That the bits above are the same means something: they differ where sums really have no fixed order.
TEST(EmulatedOrders, ShowInTheBitsOfSumsByAtomics) {
  if (simt::race_detection() || simt::address_sanitizer()) GTEST_SKIP() << "the plain build's business";
  int cases = 0, differing = 0;
  for (const Case& one : cases_of_this_build()) {
    if (!one.sums_in_any_order || one.large) continue;
    ++cases;
    simt::set_schedule({});
    const std::vector<Output> first = one.sums_in_any_order();
    bool differs = false;
    for (unsigned seed = 1; seed <= 3; ++seed) {
      simt::set_schedule({seed, false});
      differs = differs || !same_values(one.sums_in_any_order(), first);
    }
    differing += differs ? 1 : 0;
  }
  take_violations();
  EXPECT_TRUE(cases == 0 || differing > 0) << "of " << cases << " cases with atomics";
}

INSTANTIATE_TEST_SUITE_P(Kernel, Emulated, testing::ValuesIn(cases_of_this_build()),
                         [](const testing::TestParamInfo<Case>& one) { return one.param.name; });

}  // namespace
}  // namespace tern::kernels::test
