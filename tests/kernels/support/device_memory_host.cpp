#include <cstdlib>
#include <cstring>
#include <new>

#include "kernels/simt/runtime.h"
#include "tests/kernels/support/device_memory.h"

namespace tern::kernels::test {

void* device_allocate(size_t bytes) {
  constexpr size_t kAlign = 256;
  void* memory = std::aligned_alloc(kAlign, (bytes + kAlign - 1) / kAlign * kAlign);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void device_free(void* memory) {
  std::free(memory);
}
void copy_to_device(void* device, const void* host, size_t bytes) {
  std::memcpy(device, host, bytes);
}
void copy_to_host(void* host, const void* device, size_t bytes) {
  std::memcpy(host, device, bytes);
}

void protect_range(const void* begin, size_t bytes, const std::string& name, bool writable) {
  simt::register_global(begin, bytes, name, writable);
}
void unprotect_range(const void* begin) {
  simt::unregister_global(begin);
}
void poison_guard(const void* begin, size_t bytes) {
  simt::poison(begin, bytes);
}
void unpoison_guard(const void* begin, size_t bytes) {
  simt::unpoison(begin, bytes);
}

}  // namespace tern::kernels::test
