// The device operations that the emulator gives to kernels; simt_host.h and tile_ops.h wrap them in CUDA's names.
// None is inline: in sanitizer builds only the kernels are instrumented, never the emulator.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simt/vector_types.h"

namespace tern::simt {

// Source line of a call. A collective is told from another by its line, so two of them on one line count as the same.
struct Site {
  const char* file = nullptr;
  int line = 0;
};
// Last parameters of every wrapper, which passes SIMT_SITE on: as plain default arguments, and only so, the built-ins
// name the caller's line.
#define SIMT_SITE_PARAMS const char *call_file = __builtin_FILE(), int call_line = __builtin_LINE()
#define SIMT_SITE (::tern::simt::Site{call_file, call_line})

struct ThreadContext {
  uint3 thread_index;
  const uint3* block_index;
  const dim3* block_dim;
  const dim3* grid_dim;
};
// The running CUDA thread, null outside of a launch.
extern ThreadContext* self;

enum class BarrierReduce { any, all, count };
void barrier(Site site);
int barrier_reduce(BarrierReduce op, bool predicate, Site site);

enum class ShuffleMode { index, up, down, exclusive_or };
void warp_sync(unsigned mask, Site site);
unsigned ballot(unsigned mask, bool predicate, Site site);
uint32_t shuffle(unsigned mask, ShuffleMode mode, uint32_t value, int operand, int width, Site site);

// ldmatrix.xN: lane l gives the address of row l % 8 of matrix l / 8; out receives one register per matrix.
void ldmatrix(int matrices, bool transposed, uint32_t* out, const void* row, Site site);
// mma.m16n8k16, bf16 inputs, float32 accumulator: d += a * b.
void mma_m16n8k16(float* d, const uint32_t* a, const uint32_t* b, Site site);

// cp.async of `bytes` (4, 8 or 16): copies `valid` bytes and fills the rest with zeros.
void async_copy(void* shared, const void* global, size_t bytes, size_t valid, Site site);
void async_commit();
void async_wait(int pending_groups);

void* dynamic_shared();
// Memory of the static shared variable identified by key; the same for all threads of a block.
void* static_shared(const void* key, size_t bytes, size_t align);

}  // namespace tern::simt

// CUDA's atomics on global and shared memory. They live in the emulator because clang instruments atomics even in
// functions that ask not to be.
#define SIMT_DECLARE_ATOMICS(type)           \
  type atomicAdd(type* address, type value); \
  type atomicMax(type* address, type value); \
  type atomicExch(type* address, type value)
SIMT_DECLARE_ATOMICS(int);
SIMT_DECLARE_ATOMICS(unsigned);
SIMT_DECLARE_ATOMICS(unsigned long long);
#undef SIMT_DECLARE_ATOMICS
float atomicAdd(float* address, float value);
float atomicExch(float* address, float value);
