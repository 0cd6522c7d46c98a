// The block's shared memory: an arena with dynamic shared memory first and static variables after it.
//
// Every block starts with all bits set, which reads as NaN, so that a value nobody wrote shows up in the result. Under
// AddressSanitizer everything that the kernel didn't ask for is poisoned.
#include <cstdlib>
#include <cstring>
#include <new>

#include "kernels/simt/block.h"
#include "kernels/simt/simt_host.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace tern::simt {

#if defined(__SANITIZE_ADDRESS__)
void poison(const void* begin, size_t bytes) {
  __asan_poison_memory_region(begin, bytes);
}
void unpoison(const void* begin, size_t bytes) {
  __asan_unpoison_memory_region(begin, bytes);
}
bool address_sanitizer() {
  return true;
}
#else
void poison(const void*, size_t) {}
void unpoison(const void*, size_t) {}
bool address_sanitizer() {
  return false;
}
#endif

namespace internal {
namespace {

constexpr size_t kGap = kSharedRedzone;
constexpr size_t kFilled = 16 << 10;  // of static variables; a kernel that has more sees what the last block left

void* take(Block& block, size_t bytes, size_t align) {
  const size_t offset = (block.arena_used + align - 1) / align * align;
  if (offset + bytes + kGap > kArenaBytes) fail(block, "shared memory exceeds the emulator's arena");
  block.arena_used = offset + bytes + kGap;
  unpoison(block.arena + offset, bytes);
  return block.arena + offset;
}

}  // namespace

Block::~Block() {
  if (arena) unpoison(arena, kArenaBytes);
  std::free(arena);
}

void reset_shared(Block& block, size_t dynamic_bytes) {
  constexpr size_t kArenaAlign = 1024;
  if (!block.arena) block.arena = static_cast<std::byte*>(std::aligned_alloc(kArenaAlign, kArenaBytes));
  if (!block.arena) throw std::bad_alloc();
  block.statics.clear();
  block.arena_used = 0;
  unpoison(block.arena, kArenaBytes);
  std::memset(block.arena, 0xff, std::min(kArenaBytes, dynamic_bytes + kFilled));
  poison(block.arena, kArenaBytes);
  take(block, dynamic_bytes, 128);
}

}  // namespace internal

using namespace internal;

void* dynamic_shared() {
  return current_fiber()->block->arena;
}

void* static_shared(const void* key, size_t bytes, size_t align) {
  Block& block = *current_fiber()->block;
  for (const Block::StaticVariable& variable : block.statics)
    if (variable.key == key) return variable.memory;
  block.statics.push_back({key, take(block, bytes, std::max<size_t>(align, 16))});
  return block.statics.back().memory;
}

}  // namespace tern::simt
