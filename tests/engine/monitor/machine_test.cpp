#include "engine/monitor/machine.h"

#include <gtest/gtest.h>

#include <vector>

namespace tern {
namespace {

TEST(Machine, IsDescribed) {
  const MachineInfo info = machine_info();
  EXPECT_GE(info.threads, 1);
  EXPECT_GT(info.memory_bytes, uint64_t{100} << 20);
  EXPECT_NE(info.os.find("Linux"), info.os.npos) << info.os;
  EXPECT_NE(info.compiler.find('.'), info.compiler.npos);
  EXPECT_EQ(info.tern.substr(0, 2), "0.") << info.tern;
}

TEST(Machine, MemoryFollowsAllocations) {
  constexpr size_t kSize = size_t{64} << 20;
  const uint64_t before = resident_bytes();
  EXPECT_GT(before, 0U);
  {
    const std::vector<char> touched(kSize, 1);
    EXPECT_GE(resident_bytes(), before + kSize * 9 / 10);
  }
  EXPECT_LT(resident_bytes(), before + kSize / 2);
  EXPECT_GE(peak_resident_bytes(), before + kSize * 9 / 10);
}

}  // namespace
}  // namespace tern
