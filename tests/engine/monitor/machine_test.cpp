#include "engine/monitor/machine.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

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
  // Not the heap: sanitizers keep what was freed for a while.
  void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, kSize);
  EXPECT_GE(resident_bytes(), before + kSize * 9 / 10);
  ASSERT_EQ(::munmap(memory, kSize), 0);
  EXPECT_LT(resident_bytes(), before + kSize / 2);
  EXPECT_GE(peak_resident_bytes(), before + kSize * 9 / 10);
}

}  // namespace
}  // namespace tern
