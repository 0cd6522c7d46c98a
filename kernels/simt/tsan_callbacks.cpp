// What -fsanitize=thread makes of a kernel's loads and stores. The race build compiles its kernels with that flag and
// links this file in place of ThreadSanitizer's own run-time library, which knows threads and not CUDA's blocks.
#include <cstring>

#include "kernels/simt/race_detector.h"
#include "kernels/simt/runtime.h"

using tern::simt::internal::Access;
using tern::simt::internal::race_access;

namespace tern::simt {
bool race_detection() {
  return true;
}
}  // namespace tern::simt

#define CALLER __builtin_return_address(0)
#define ACCESS_CALLBACKS(bytes)                         \
  void __tsan_read##bytes(void* address) {              \
    race_access(address, bytes, Access::read, CALLER);  \
  }                                                     \
  void __tsan_write##bytes(void* address) {             \
    race_access(address, bytes, Access::write, CALLER); \
  }                                                     \
  void __tsan_volatile_read##bytes(void* address) {     \
    race_access(address, bytes, Access::read, CALLER);  \
  }                                                     \
  void __tsan_volatile_write##bytes(void* address) {    \
    race_access(address, bytes, Access::write, CALLER); \
  }
#define UNALIGNED_CALLBACKS(bytes)                      \
  void __tsan_unaligned_read##bytes(void* address) {    \
    race_access(address, bytes, Access::read, CALLER);  \
  }                                                     \
  void __tsan_unaligned_write##bytes(void* address) {   \
    race_access(address, bytes, Access::write, CALLER); \
  }

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

ACCESS_CALLBACKS(1)
ACCESS_CALLBACKS(2)
ACCESS_CALLBACKS(4)
ACCESS_CALLBACKS(8)
ACCESS_CALLBACKS(16)
UNALIGNED_CALLBACKS(2)
UNALIGNED_CALLBACKS(4)
UNALIGNED_CALLBACKS(8)
UNALIGNED_CALLBACKS(16)

void __tsan_read_range(void* address, unsigned long bytes) {
  race_access(address, bytes, Access::read, CALLER);
}
void __tsan_write_range(void* address, unsigned long bytes) {
  race_access(address, bytes, Access::write, CALLER);
}

void* __tsan_memcpy(void* to, const void* from, unsigned long bytes) {
  race_access(from, bytes, Access::read, CALLER);
  race_access(to, bytes, Access::write, CALLER);
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, unsigned long bytes) {
  race_access(from, bytes, Access::read, CALLER);
  race_access(to, bytes, Access::write, CALLER);
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, unsigned long bytes) {
  race_access(to, bytes, Access::write, CALLER);
  return std::memset(to, value, bytes);
}

// Reference counts of shared_ptr, in host code that was compiled together with a kernel.
int __tsan_atomic32_fetch_add(volatile int* address, int value, int) {
  return __atomic_fetch_add(address, value, __ATOMIC_SEQ_CST);
}
}
