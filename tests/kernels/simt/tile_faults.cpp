// How a tile of shared memory passes through a tensor-core kernel, forward and backward: copied, changed in place, read
// as operands, used again for results. Each step without the synchronisation that it needs.
#include "kernels/simt/tile_ops.h"
#include "tests/kernels/simt/faults.h"

namespace tern::kernels::test {
namespace {

constexpr int kThreads = kFaultThreads;

// Every kernel gets kThreads * 4 inputs x and kThreads outputs y.
// A rotation in place, of the chunk that the neighbour copied: the own wait says nothing about it.
__global__ void neighbours_copy_changed(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  cp_async16(raw + 16 * threadIdx.x, x + 4 * threadIdx.x, true);
  cp_async_commit();
  cp_async_wait<0>();
  float* const chunk = reinterpret_cast<float*>(raw) + 4 * (threadIdx.x ^ 1);
  chunk[0] = -chunk[0];
  __syncthreads();
  y[threadIdx.x] = reinterpret_cast<float*>(raw)[threadIdx.x];
}
// A rotation in place after the barrier: other warps already read.
__global__ void changed_behind_the_barrier(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  cp_async16(raw + 16 * threadIdx.x, x + 4 * threadIdx.x, true);
  cp_async_commit();
  cp_async_wait<0>();
  __syncthreads();
  float* const chunk = reinterpret_cast<float*>(raw) + 4 * threadIdx.x;
  chunk[0] = -chunk[0];
  uint32_t r[4];
  ldmatrix_x4(r, raw + 16 * ((threadIdx.x + 32) % kThreads));
  y[threadIdx.x] = static_cast<float>(r[0]);
}
// Results go where the warp's own operands were: lanes that are ahead write what others still read.
__global__ void staged_over_operands(float*, float* y) {
  SIMT_DYN_SHARED(raw);
  reinterpret_cast<float4*>(raw)[threadIdx.x] = make_float4(0, 0, 0, 0);
  __syncthreads();
  uint32_t r[4];
  ldmatrix_x4(r, raw + 16 * threadIdx.x);
  reinterpret_cast<uint32_t*>(raw)[threadIdx.x / 32 * 128 + threadIdx.x % 32] = r[0];
  __syncwarp();
  y[threadIdx.x] = static_cast<float>(r[1]);
}
// Derivatives of scores: rows by warp, columns needed by all warps.
__global__ void score_tile_without_barrier(float*, float* y) {
  SIMT_DYN_SHARED(raw);
  reinterpret_cast<float4*>(raw)[threadIdx.x] = make_float4(0, 0, 0, 0);
  __syncwarp();
  uint32_t r[4];
  ldmatrix_x4_trans(r, raw + 16 * (threadIdx.x % 32 * 4 + threadIdx.x / 32));
  y[threadIdx.x] = static_cast<float>(r[0]);
}
// One barrier per step is enough for a buffer that alternates, not for a single one.
__global__ void score_tile_written_again(float*, float* y) {
  SIMT_DYN_SHARED(raw);
  for (int step = 0; step < 2; ++step) {
    reinterpret_cast<float4*>(raw)[threadIdx.x] = make_float4(0, 0, 0, 0);
    __syncthreads();
    uint32_t r[4];
    ldmatrix_x4_trans(r, raw + 16 * (threadIdx.x % 32 * 4 + threadIdx.x / 32));
    y[threadIdx.x] += static_cast<float>(r[0]);
  }
}
// dq as plain sums of two key blocks, as it would be without atomics or a pass of its own.
__global__ void query_gradient_of_two_key_blocks(float*, float* y) {
  float d[4] = {};
  const uint32_t a[4] = {};
  mma_m16n8k16(d, a, 0, 0);
  y[threadIdx.x] += d[0];
}

}  // namespace

std::vector<Fault> tile_faults() {
  return {
      {"neighbours_copy_changed", fault_run(neighbours_copy_changed), nullptr, "write-write race at shared", nullptr},
      {"changed_behind_the_barrier", fault_run(changed_behind_the_barrier), nullptr, "race at shared", nullptr},
      {"staged_over_operands", fault_run(staged_over_operands), nullptr, "read-write race at shared", nullptr},
      {"score_tile_without_barrier", fault_run(score_tile_without_barrier), nullptr, "at shared", nullptr},
      {"score_tile_written_again", fault_run(score_tile_written_again), nullptr, "read-write race at shared", nullptr},
      {"query_gradient_of_two_key_blocks", fault_run(query_gradient_of_two_key_blocks, 2), nullptr, "of another block",
       nullptr},
  };
}

}  // namespace tern::kernels::test
