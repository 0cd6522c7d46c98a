// A kernel's cases on fibers, against float64, under several thread orders. What else is watched depends on the build:
// races, or bounds and undefined behaviour.
#include <gtest/gtest.h>

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

TEST_P(Emulated, MatchesFloat64UnderEverySchedule) {
  const std::vector<Expected> expected = GetParam().expected();
  bool uses_async_copies = false;
  for (size_t i = 0; i < schedules(uses_async_copies).size(); ++i) {
    const simt::Schedule schedule = schedules(uses_async_copies)[i];
    simt::set_schedule(schedule);
    const std::string report = compare(GetParam().run(), expected);
    EXPECT_TRUE(report.empty()) << "seed " << schedule.seed << ", eager " << schedule.eager_async << ": " << report;
    for (const std::string& violation : take_violations()) ADD_FAILURE() << violation;
    uses_async_copies = simt::take_stats().async_copies > 0 || uses_async_copies;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernel, Emulated, testing::ValuesIn(cases_of_this_build()),
                         [](const testing::TestParamInfo<Case>& one) { return one.param.name; });

}  // namespace
}  // namespace tern::kernels::test
