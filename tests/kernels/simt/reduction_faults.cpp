#include "kernels/simt/tile_ops.h"
#include "tests/kernels/simt/faults.h"

namespace tern::kernels::test {
namespace {

constexpr int kThreads = kFaultThreads;

__device__ float warp_sum(float value) {
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

// Sum over the block through one word per warp; wrong when called twice without a barrier in between.
__device__ float block_sum(float value, float* scratch) {
  value = warp_sum(value);
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
  for (int warp = 0; warp < kThreads / 32; ++warp) sum += scratch[warp];
  return sum;
}

__global__ void scratch_used_twice(float* y) {
  SIMT_SHARED_ARRAY(float, scratch, kThreads / 32);
  const float sum = block_sum(1.0f, scratch);
  y[threadIdx.x] = block_sum(sum, scratch);
}
// dgamma of a normalisation: every row's block adds into one vector.
__global__ void gradient_without_atomics(float* dgamma) {
  dgamma[threadIdx.x] += 1.0f;
}
__global__ void atomic_against_plain_write(float* y) {
  if (blockIdx.x == 0)
    y[threadIdx.x] = 0.0f;
  else
    atomicAdd(&y[threadIdx.x], 1.0f);
}
// Reading a sum while other blocks may still add to it.
__global__ void sum_read_too_early(float* y) {
  atomicAdd(&y[0], 1.0f);
  __syncthreads();
  if (threadIdx.x == 0) y[1 + blockIdx.x] = y[0];
}
__global__ void shared_atomic_without_barrier(float* y) {
  SIMT_SHARED(float, sum);
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  atomicAdd(&sum, 1.0f);
  y[threadIdx.x] = sum;
}
__global__ void shared_atomic_uninitialised(float* y) {
  SIMT_SHARED(float, sum);
  atomicAdd(&sum, 1.0f);
  __syncthreads();
  y[threadIdx.x] = sum;
}
__global__ void atomic_overrun(float* y) {
  atomicAdd(&y[threadIdx.x + 1], 1.0f);
}
__global__ void atomic_misaligned(float* y) {
  atomicAdd(reinterpret_cast<float*>(reinterpret_cast<char*>(y) + 2), 1.0f);
}
// The last warp of a row of 100 has 4 threads with data; the others left before the shuffle.
__global__ void tail_leaves_reduction(float* y) {
  if (threadIdx.x >= 100) return;
  y[threadIdx.x] = warp_sum(1.0f);
}
__global__ void barrier_in_tail_loop(float* y) {
  for (unsigned i = threadIdx.x; i < 200; i += kThreads) {
    y[threadIdx.x] += 1;
    __syncthreads();
  }
  __syncthreads();
}
// dk and dv tiles are accumulated over query blocks by whoever comes first: two blocks share one tile.
__global__ void tile_owned_by_two_blocks(float* y) {
  const unsigned tile = blockIdx.x / 2;
  y[tile * 32 + threadIdx.x % 32] = warp_sum(static_cast<float>(blockIdx.x));
}

// Every thread of the block adds to one word.
__global__ void shared_sum_without_atomics(float* y) {
  SIMT_SHARED(float, sum);
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  sum += 1.0f;
  __syncthreads();
  y[threadIdx.x] = sum;
}
// One lane per warp adds its rows to a sequence's count: alone in its warp, not in its block.
__global__ void count_without_atomics(float* y) {
  if (threadIdx.x % 32 == 0) y[0] += 1.0f;
}
// The gradient replaces the input, of which the neighbour still needs this element; a shuffle in between orders
// nothing.
__global__ void gradient_over_input(float* y) {
  const float x = y[threadIdx.x], next = y[(threadIdx.x + 1) % kThreads];
  y[threadIdx.x] = warp_sum(x) * next;
}
// The last block to arrive sums the partial results of all: needs __threadfence on a GPU, and is refused even with one,
// for no order of blocks is guaranteed here.
__global__ void last_block_sums_partials(float* y) {
  SIMT_SHARED(float, arrived);
  if (threadIdx.x == 0) {
    y[1 + blockIdx.x] = 1.0f;
    arrived = atomicAdd(&y[0], 1.0f);
  }
  __syncthreads();
  if (arrived == static_cast<float>(gridDim.x - 1) && threadIdx.x < gridDim.x) y[64 + threadIdx.x] = y[1 + threadIdx.x];
}
// A lock orders its critical sections only with fences, and hangs a warp on older GPUs.
__global__ void sum_under_a_lock(float* y) {
  SIMT_SHARED(int, lock);
  if (threadIdx.x == 0) lock = 0;
  __syncthreads();
  while (atomicExch(&lock, 1) != 0) {
  }
  y[0] += 1.0f;
  atomicExch(&lock, 0);
}
// The first block waits for what the second will write: blocks need not run at the same time.
__global__ void wait_for_another_block(float* y) {
  if (threadIdx.x != 0) return;
  if (blockIdx.x == 0)
    while (atomicAdd(&y[0], 0.0f) == 0.0f) {
    }
  else
    atomicAdd(&y[0], 1.0f);
}
__global__ void atomic_to_input(float* y) {
  atomicAdd(&y[0], 1.0f);
}

}  // namespace

std::vector<Fault> reduction_faults() {
  const char* exits = "exits while its warp waits for it in shuffle";
  const char* asan = "ERROR: AddressSanitizer";
  const char* spins = "atomics in a row: it waits for a thread that can't run";
  const char* changed = "y: an input was changed";
  return {
      {"scratch_used_twice", fault_run(scratch_used_twice), nullptr, "read-write race at shared", nullptr},
      {"gradient_without_atomics", fault_run(gradient_without_atomics, {.grid = 4}), nullptr, "of another block",
       nullptr},
      {"atomic_against_plain_write", fault_run(atomic_against_plain_write, {.grid = 2}), nullptr,
       "write-write race at global", nullptr},
      {"sum_read_too_early", fault_run(sum_read_too_early, {.grid = 2}), nullptr, "race at global", nullptr},
      {"shared_atomic_without_barrier", fault_run(shared_atomic_without_barrier), nullptr, "race at shared", nullptr},
      {"shared_atomic_uninitialised", fault_run(shared_atomic_uninitialised), nullptr,
       "read of uninitialised shared memory", nullptr},
      {"atomic_overrun", fault_run(atomic_overrun), "memory behind the buffer was overwritten",
       "memory behind the buffer was overwritten", asan},
      {"atomic_misaligned", fault_run(atomic_misaligned), "atomic on a misaligned address",
       "atomic on a misaligned address", "misaligned"},
      {"tail_leaves_reduction", fault_run(tail_leaves_reduction), exits, exits, exits},
      {"barrier_in_tail_loop", fault_run(barrier_in_tail_loop), "divergent __syncthreads", "divergent __syncthreads",
       "divergent __syncthreads"},
      {"shared_sum_without_atomics", fault_run(shared_sum_without_atomics), nullptr, "race at shared", nullptr},
      {"count_without_atomics", fault_run(count_without_atomics), nullptr, "race at global", nullptr},
      {"gradient_over_input", fault_run(gradient_over_input), nullptr, "race at global", nullptr},
      {"last_block_sums_partials", fault_run(last_block_sums_partials, {.grid = 3}), nullptr, "of another block",
       nullptr},
      {"sum_under_a_lock", fault_run(sum_under_a_lock), nullptr, "race at global", nullptr},
      {"wait_for_another_block", fault_run(wait_for_another_block, {.grid = 2}), spins, spins, spins},
      {"atomic_to_input", fault_run(atomic_to_input, {.use = Use::input}), changed, changed, changed},
      {"tile_owned_by_two_blocks", fault_run(tile_owned_by_two_blocks, {.grid = 4}), nullptr,
       "write-write race at global", nullptr},
  };
}

}  // namespace tern::kernels::test
