// cp.async and its groups. The device may copy at any moment between issue and wait, so both extremes can be chosen:
// at the wait (default; until then the destination holds NaN patterns) or at once.
#include <cstring>

#include "kernels/simt/block.h"
#include "kernels/simt/race_detector.h"

namespace tern::simt {
namespace internal {
namespace {

void perform(const AsyncCopy& copy) {
  std::memcpy(copy.shared, copy.global, copy.valid);
  std::memset(copy.shared + copy.valid, 0, copy.bytes - copy.valid);
}

}  // namespace
}  // namespace internal

using namespace internal;

void async_copy(void* shared, const void* global, size_t bytes, size_t valid, Site site) {
  Fiber& fiber = *current_fiber();
  Block& block = *fiber.block;
  const size_t offset = shared_offset(block, shared);
  if (offset >= kArenaBytes || offset + bytes > kArenaBytes)
    fail(block, describe(fiber) + ": cp.async at " + describe(site) + ": destination is not in shared memory");
  if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) % bytes != 0)
    fail(block, describe(fiber) + ": cp.async at " + describe(site) + ": misaligned address");
  race_copy_issued(block, fiber, offset, bytes, __builtin_return_address(0));
  const AsyncCopy copy{static_cast<std::byte*>(shared), global, bytes, valid};
  if (schedule().eager_async)
    perform(copy);
  else
    std::memset(shared, 0xff, bytes);
  fiber.open_copies.push_back(copy);
  ++block.stats.async_copies;
}

void async_commit() {
  Fiber& fiber = *current_fiber();
  fiber.copy_groups.emplace_back(std::move(fiber.open_copies));
  fiber.open_copies.clear();
}

void async_wait(int pending_groups) {
  Fiber& fiber = *current_fiber();
  Block& block = *fiber.block;
  while (static_cast<int>(fiber.copy_groups.size()) > pending_groups) {
    for (const AsyncCopy& copy : fiber.copy_groups.front()) {
      if (!schedule().eager_async) perform(copy);
      race_copy_done(block, fiber, shared_offset(block, copy.shared), copy.bytes);
    }
    fiber.copy_groups.pop_front();
  }
}

}  // namespace tern::simt
