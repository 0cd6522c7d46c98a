#include "engine/memory/caching_cpu_allocator.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace tern {
namespace {

TEST(CachingCpuAllocator, LargeTensorsReuseTheirMemory) {
  const at::Tensor before = at::full({1 << 20}, 3.0F);  // from LibTorch's own allocator
  install_caching_cpu_allocator();
  install_caching_cpu_allocator();
  at::Tensor large = at::full({1 << 20}, 1.0F), small = at::full({16}, 2.0F);
  const void* address = large.data_ptr();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(address) % 4096, 0U);
  large = at::Tensor();
  large = at::full({1 << 20}, 4.0F);
  EXPECT_EQ(large.data_ptr(), address);
  EXPECT_EQ(large.sum().item<double>(), 4.0 * (1 << 20));
  EXPECT_EQ(small.sum().item<double>(), 32);
  EXPECT_EQ(before.sum().item<double>(), 3.0 * (1 << 20));
}

TEST(CachingCpuAllocator, GivesRawMemory) {
  install_caching_cpu_allocator();
  c10::Allocator* allocator = c10::GetCPUAllocator();
  for (const size_t bytes : {size_t{100}, size_t{5} << 20}) {
    void* memory = allocator->raw_allocate(bytes);
    std::memset(memory, 1, bytes);
    allocator->raw_deallocate(memory);
  }
}

TEST(CachingCpuAllocator, RunningOutIsLibTorchsOwnError) {
  install_caching_cpu_allocator();
  try {
    const at::Tensor impossible = at::empty({int64_t{1} << 58}, at::kByte);
    FAIL();
  } catch (const c10::Error& e) {
    EXPECT_NE(std::string(e.what()).find("can't allocate memory"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace tern
