// Happens-before race detection for shared memory and registered global buffers. Internal to kernels/simt.
//
// Kernels of the race build are compiled with -fsanitize=thread but linked without its run-time library: the callbacks
// at every load and store come here (tsan_callbacks.cpp). Two accesses to one cell, one of them a write, must be
// ordered by __syncthreads, by __syncwarp, or by being the same thread's. Shuffles and mma give no ordering, as in PTX.
// Two blocks of one launch are never ordered; two atomics never conflict.
#pragma once

#include <cstddef>

#include "kernels/simt/block.h"

namespace tern::simt::internal {

enum class Access : uint8_t { read, write, atomic };

void race_access(const void* address, size_t bytes, Access access, const void* pc);
// An access that one thread makes on behalf of another lane (ldmatrix).
void race_access_shared(Block& block, Fiber& fiber, size_t offset, size_t bytes, Access access, const void* pc);

void race_launch_begins(uint32_t first_serial);
void race_block_begins(Block& block);
void race_barrier(Block& block);
void race_syncwarp(Warp& warp, unsigned lanes);
void race_copy_issued(Block& block, Fiber& fiber, size_t offset, size_t bytes, const void* pc);
void race_copy_done(Block& block, const Fiber& fiber, size_t offset, size_t bytes);
void race_watch(const void* begin, size_t bytes);
void race_unwatch(const void* begin);

}  // namespace tern::simt::internal
