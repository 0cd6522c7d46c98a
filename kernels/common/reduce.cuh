// Sums over warps and blocks, in a fixed order: the same result in every run. Every thread gets the sum.
#pragma once

#include "kernels/simt/simt.h"

namespace tern::kernels {

constexpr int kWarpThreads = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

// All 32 lanes must take part.
__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int offset = kWarpThreads / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(kAllLanes, value, offset);
  return value;
}

// All threads of the block must take part. scratch: threads / 32 floats of shared memory that nobody else touches until
// the block's next barrier.
template <int threads>
__device__ __forceinline__ float block_sum(float value, float* scratch) {
  static_assert(threads % kWarpThreads == 0 && threads / kWarpThreads <= kWarpThreads);
  value = warp_sum(value);
  if (threadIdx.x % kWarpThreads == 0) scratch[threadIdx.x / kWarpThreads] = value;
  __syncthreads();
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < threads / kWarpThreads; ++warp) sum += scratch[warp];
  return sum;
}

}  // namespace tern::kernels
