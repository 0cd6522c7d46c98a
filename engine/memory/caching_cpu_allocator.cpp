#include "engine/memory/caching_cpu_allocator.h"

#include <c10/core/CPUAllocator.h>

#include "engine/memory/block_cache.h"

namespace tern {

namespace {

constexpr size_t kLarge = size_t{1} << 17;

// Never destroyed: tensors of static objects may outlive every other object.
BlockCache& cache() {
  static auto* instance = new BlockCache;
  return *instance;
}

c10::Allocator* small_blocks = nullptr;  // LibTorch's own

void release_large(void* address) {
  cache().give_back(address);
}

// For memory taken by raw_allocate, of which only the address is left.
void release_any(void* address) {
  if (!cache().give_back(address)) small_blocks->raw_deallocate(address);
}

class CachingCpuAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes >= kLarge) {
      if (void* address = cache().take(bytes))
        return {address, address, &release_large, c10::Device(c10::DeviceType::CPU)};
    }
    return small_blocks->allocate(bytes);  // for a large one too: it reports what could not be had
  }

  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return &release_any; }

  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
};

}  // namespace

void install_caching_cpu_allocator() {
  if (small_blocks != nullptr) return;
  small_blocks = c10::GetCPUAllocator();
  c10::SetCPUAllocator(new CachingCpuAllocator, /*priority=*/1);  // never destroyed, as the cache
}

}  // namespace tern
