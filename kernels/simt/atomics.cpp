#include "kernels/simt/block.h"
#include "kernels/simt/race_detector.h"

namespace {

using tern::simt::internal::Access;
using tern::simt::internal::current_fiber;
using tern::simt::internal::describe;
using tern::simt::internal::fail;
using tern::simt::internal::race_access;

// Far more than a thread of any kernel here does between two collectives.
constexpr uint32_t kAtomicsInARow = 1u << 20;

// Fibers never run at the same time, so plain arithmetic is atomic. Nor do they give way to others here: a thread that
// spins on an atomic would do so for ever.
template <class T, class Update>
T update(T* address, Update operation, const void* pc) {
  auto& fiber = *current_fiber();
  if (reinterpret_cast<uintptr_t>(address) % sizeof(T) != 0)
    fail(*fiber.block, describe(fiber) + ": atomic on a misaligned address");
  if (++fiber.atomics_in_a_row > kAtomicsInARow)
    fail(*fiber.block, describe(fiber) + " did " + std::to_string(kAtomicsInARow) +
                           " atomics in a row: it waits for a thread that can't run");
  race_access(address, sizeof(T), Access::atomic, pc);
  const T old = *address;
  *address = operation(old);
  return old;
}

}  // namespace

#define SIMT_DEFINE_ATOMICS(type)                                                                            \
  type atomicAdd(type* address, type value) {                                                                \
    return update(                                                                                           \
        address, [value](type old) { return static_cast<type>(old + value); }, __builtin_return_address(0)); \
  }                                                                                                          \
  type atomicMax(type* address, type value) {                                                                \
    return update(                                                                                           \
        address, [value](type old) { return old < value ? value : old; }, __builtin_return_address(0));      \
  }                                                                                                          \
  type atomicExch(type* address, type value) {                                                               \
    return update(                                                                                           \
        address, [value](type) { return value; }, __builtin_return_address(0));                              \
  }
SIMT_DEFINE_ATOMICS(int)
SIMT_DEFINE_ATOMICS(unsigned)
SIMT_DEFINE_ATOMICS(unsigned long long)

// CUDA has no atomicMax for float.
float atomicAdd(float* address, float value) {
  return update(
      address, [value](float old) { return old + value; }, __builtin_return_address(0));
}
float atomicExch(float* address, float value) {
  return update(
      address, [value](float) { return value; }, __builtin_return_address(0));
}
