#include "kernels/simt/tile_ops.h"
#include "tests/kernels/simt/faults.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {
namespace {

constexpr int kThreads = 128;

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

std::function<void()> run(const char* name, void (*kernel)(float*), int grid = 1) {
  return [=] {
    DeviceBuffer<float> y("y", Use::output, std::vector<float>(kThreads));
    simt::launch(name, kernel, dim3(static_cast<unsigned>(grid)), dim3(kThreads), 0, y.data());
  };
}

}  // namespace

std::vector<Fault> reduction_faults() {
  const char* exits = "exits while its warp waits for it in shuffle";
  const char* asan = "ERROR: AddressSanitizer";
  return {
      {"scratch_used_twice", run("k", scratch_used_twice), nullptr, "read-write race at shared", nullptr},
      {"gradient_without_atomics", run("k", gradient_without_atomics, 4), nullptr, "of another block", nullptr},
      {"atomic_against_plain_write", run("k", atomic_against_plain_write, 2), nullptr, "write-write race at global",
       nullptr},
      {"sum_read_too_early", run("k", sum_read_too_early, 2), nullptr, "race at global", nullptr},
      {"shared_atomic_without_barrier", run("k", shared_atomic_without_barrier), nullptr, "race at shared", nullptr},
      {"shared_atomic_uninitialised", run("k", shared_atomic_uninitialised), nullptr,
       "read of uninitialised shared memory", nullptr},
      {"atomic_overrun", run("k", atomic_overrun), "memory behind the buffer was overwritten",
       "memory behind the buffer was overwritten", asan},
      {"atomic_misaligned", run("k", atomic_misaligned), "atomic on a misaligned address",
       "atomic on a misaligned address", "misaligned"},
      {"tail_leaves_reduction", run("k", tail_leaves_reduction), exits, exits, exits},
      {"barrier_in_tail_loop", run("k", barrier_in_tail_loop), "divergent __syncthreads", "divergent __syncthreads",
       "divergent __syncthreads"},
      {"tile_owned_by_two_blocks", run("k", tile_owned_by_two_blocks, 4), nullptr, "write-write race at global",
       nullptr},
  };
}

}  // namespace tern::kernels::test
