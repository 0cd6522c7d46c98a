#include "kernels/simt/tile_ops.h"
#include "tests/kernels/simt/faults.h"

namespace tern::kernels::test {
namespace {

constexpr int kThreads = kFaultThreads;

__global__ void missing_syncthreads(float* y) {
  SIMT_SHARED_ARRAY(float, s, kThreads);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  y[threadIdx.x] = s[kThreads - 1 - threadIdx.x];
}
__global__ void missing_syncwarp(float* y) {
  SIMT_SHARED_ARRAY(float, s, kThreads);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  y[threadIdx.x] = s[threadIdx.x ^ 1];
}
// A shuffle moves registers; it doesn't order shared memory.
__global__ void shuffle_as_barrier(float* y) {
  SIMT_SHARED_ARRAY(float, s, kThreads);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  const float other = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
  y[threadIdx.x] = s[threadIdx.x ^ 1] + other;
}
__global__ void syncwarp_across_warps(float* y) {
  SIMT_SHARED_ARRAY(float, s, kThreads);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncwarp();
  y[threadIdx.x] = s[(threadIdx.x + 32) % kThreads];
}
__global__ void write_after_read_in_loop(float* y) {
  SIMT_SHARED(float, s);
  for (int i = 0; i < 4; ++i) {
    if (threadIdx.x == 0) s = static_cast<float>(i);
    __syncthreads();
    y[threadIdx.x] += s;
  }
}
__global__ void divergent_barrier(float* y) {
  if (threadIdx.x < 64) {
    __syncthreads();
    y[threadIdx.x] = 1;
  } else {
    __syncthreads();
  }
}
__global__ void barrier_against_shuffle(float* y) {
  if (threadIdx.x != 5)
    y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
  else
    __syncthreads();
}
__global__ void exit_before_shuffle(float* y) {
  if (threadIdx.x == 5) return;
  y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
}
__global__ void divergent_shuffle(float* y) {
  if (threadIdx.x & 1)
    y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
  else
    y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 2.0f, 1);
}
__global__ void shuffle_from_inactive_lane(float* y) {
  if (threadIdx.x % 32 < 16) y[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, 1.0f, 16);
}
__global__ void mask_without_caller(float* y) {
  y[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, 1.0f, 1);
}
__global__ void overlapping_masks(float* y) {
  if (threadIdx.x % 32 < 16)
    __syncwarp(0x0001ffffu);
  else
    __syncwarp(0xffff0000u);
  y[threadIdx.x] = 1;
}
__global__ void two_threads_one_word(float* y) {
  y[threadIdx.x / 2] = static_cast<float>(threadIdx.x);
}
__global__ void two_blocks_one_word(float* y) {
  if (threadIdx.x == 0) y[0] += 1;
}

}  // namespace

std::vector<Fault> sync_faults() {
  const char* deadlock = "deadlock: no thread can run; threads 0..4 wait in shuffle at sync_faults.cpp:";
  const char* divergent = "divergent warp collective: this lane is in ";
  return {
      {"missing_syncthreads", fault_run(missing_syncthreads), nullptr, "write-read race at shared", nullptr},
      {"missing_syncwarp", fault_run(missing_syncwarp), nullptr, "write-read race at shared", nullptr},
      {"shuffle_as_barrier", fault_run(shuffle_as_barrier), nullptr, "write-read race at shared", nullptr},
      {"syncwarp_across_warps", fault_run(syncwarp_across_warps), nullptr, "race at shared", nullptr},
      {"write_after_read_in_loop", fault_run(write_after_read_in_loop), nullptr, "read-write race at shared", nullptr},
      {"divergent_barrier", fault_run(divergent_barrier), "divergent __syncthreads", "divergent __syncthreads",
       "divergent __syncthreads"},
      {"barrier_against_shuffle", fault_run(barrier_against_shuffle), deadlock, deadlock, deadlock},
      {"exit_before_shuffle", fault_run(exit_before_shuffle), "exits while its warp waits for it in shuffle",
       "exits while its warp waits for it in shuffle", "exits while its warp waits for it in shuffle"},
      {"divergent_shuffle", fault_run(divergent_shuffle), divergent, divergent, divergent},
      {"shuffle_from_inactive_lane", fault_run(shuffle_from_inactive_lane), "lane 0 reads inactive lane 16",
       "lane 0 reads inactive lane 16", "lane 0 reads inactive lane 16"},
      {"mask_without_caller", fault_run(mask_without_caller), "with a mask that lacks the caller",
       "with a mask that lacks the caller", "with a mask that lacks the caller"},
      {"overlapping_masks", fault_run(overlapping_masks), divergent, divergent, divergent},
      {"two_threads_one_word", fault_run(two_threads_one_word), nullptr, "write-write race at global", nullptr},
      {"two_blocks_one_word", fault_run(two_blocks_one_word, {.grid = 4}), nullptr, "of another block", nullptr},
  };
}

}  // namespace tern::kernels::test
