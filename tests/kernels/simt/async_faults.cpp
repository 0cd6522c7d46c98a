#include "kernels/simt/tile_ops.h"
#include "tests/kernels/simt/faults.h"

namespace tern::kernels::test {
namespace {

constexpr int kThreads = kFaultThreads;

// Every kernel gets kThreads * 4 inputs x and kThreads outputs y.
__global__ void read_before_wait(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  cp_async16(raw + 16 * threadIdx.x, x + 4 * threadIdx.x, true);
  cp_async_commit();
  __syncthreads();
  y[threadIdx.x] = reinterpret_cast<float*>(raw)[threadIdx.x];
  cp_async_wait<0>();
}
// The wait covers this thread's copies only; the others' need a barrier.
__global__ void wait_without_barrier(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  cp_async16(raw + 16 * threadIdx.x, x + 4 * threadIdx.x, true);
  cp_async_commit();
  cp_async_wait<0>();
  y[threadIdx.x] = reinterpret_cast<float*>(raw)[threadIdx.x];
}
__global__ void wait_leaves_one_group(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  cp_async16(raw + 16 * threadIdx.x, x + 4 * threadIdx.x, true);
  cp_async_commit();
  cp_async_wait<1>();
  __syncthreads();
  y[threadIdx.x] = reinterpret_cast<float*>(raw)[threadIdx.x];
  cp_async_wait<0>();
}
__global__ void missing_commit(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  cp_async16(raw + 16 * threadIdx.x, x + 4 * threadIdx.x, true);
  cp_async_wait<0>();
  __syncthreads();
  y[threadIdx.x] = reinterpret_cast<float*>(raw)[threadIdx.x];
}
__global__ void exit_with_pending_copy(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  y[threadIdx.x] = 1;
  cp_async16(raw + 16 * threadIdx.x, x + 4 * threadIdx.x, true);
  cp_async_commit();
}
// The next tile is fetched into the buffer that other warps still read.
__global__ void refill_while_read(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  for (int tile = 0; tile < 2; ++tile) {
    cp_async16(raw + 16 * threadIdx.x, x + 4 * threadIdx.x, true);
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();
    y[threadIdx.x] += reinterpret_cast<float*>(raw)[threadIdx.x];
  }
}
__global__ void copy_source_overrun(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  cp_async16(raw + 16 * threadIdx.x, x + 4 * (threadIdx.x + 1), true);
  cp_async_commit();
  cp_async_wait<0>();
  y[threadIdx.x] = 1;
}
__global__ void copy_destination_overrun(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  cp_async16(raw + 16 * (threadIdx.x + 1), x + 4 * threadIdx.x, true);
  cp_async_commit();
  cp_async_wait<0>();
  y[threadIdx.x] = 1;
}
__global__ void copy_misaligned(float* x, float* y) {
  SIMT_DYN_SHARED(raw);
  cp_async16(raw + 16 * threadIdx.x, x + 1, true);
  y[threadIdx.x] = 1;
}
__global__ void copy_to_global(float* x, float* y) {
  cp_async16(y, x, true);
}
__global__ void ldmatrix_overrun(float*, float* y) {
  SIMT_DYN_SHARED(raw);
  reinterpret_cast<float4*>(raw)[threadIdx.x] = make_float4(0, 0, 0, 0);
  __syncthreads();
  uint32_t r[4];
  ldmatrix_x4(r, raw + 16 * (threadIdx.x + 1));
  y[threadIdx.x] = static_cast<float>(r[0]);
}
__global__ void ldmatrix_misaligned(float*, float* y) {
  SIMT_DYN_SHARED(raw);
  reinterpret_cast<float4*>(raw)[threadIdx.x] = make_float4(0, 0, 0, 0);
  __syncthreads();
  uint32_t r[4];
  ldmatrix_x4(r, raw + 8 * threadIdx.x);
  y[threadIdx.x] = static_cast<float>(r[0]);
}
__global__ void ldmatrix_from_global(float* x, float* y) {
  uint32_t r[4];
  ldmatrix_x4_trans(r, x + 4 * threadIdx.x);
  y[threadIdx.x] = static_cast<float>(r[0]);
}
__global__ void ldmatrix_before_barrier(float*, float* y) {
  SIMT_DYN_SHARED(raw);
  reinterpret_cast<float4*>(raw)[threadIdx.x] = make_float4(0, 0, 0, 0);
  uint32_t r[4];
  ldmatrix_x4(r, raw + 16 * ((threadIdx.x + 32) % kThreads));
  y[threadIdx.x] = static_cast<float>(r[0]);
}
__global__ void mma_with_missing_lanes(float*, float* y) {
  if (threadIdx.x % 32 == 31) return;
  float d[4] = {};
  const uint32_t a[4] = {};
  mma_m16n8k16(d, a, 0, 0);
  y[threadIdx.x] = d[0];
}

}  // namespace

std::vector<Fault> async_faults() {
  const char* asan = "ERROR: AddressSanitizer";
  const char* flight = "access to a cp.async destination in flight";
  const char* pending = "exits with pending cp.async copies";
  return {
      {"read_before_wait", fault_run(read_before_wait), nullptr, flight, nullptr},
      {"wait_without_barrier", fault_run(wait_without_barrier), nullptr, "race at shared", nullptr},
      {"wait_leaves_one_group", fault_run(wait_leaves_one_group), nullptr, flight, nullptr},
      {"missing_commit", fault_run(missing_commit), pending, flight, pending},
      {"exit_with_pending_copy", fault_run(exit_with_pending_copy), pending, pending, pending},
      {"refill_while_read", fault_run(refill_while_read), nullptr, "read-write race at shared", nullptr},
      {"copy_source_overrun", fault_run(copy_source_overrun), nullptr, nullptr, asan},
      {"copy_destination_overrun", fault_run(copy_destination_overrun), nullptr, nullptr, asan},
      {"copy_misaligned", fault_run(copy_misaligned), "misaligned address", "misaligned address", "misaligned address"},
      {"copy_to_global", fault_run(copy_to_global), "destination is not in shared memory",
       "destination is not in shared memory", "destination is not in shared memory"},
      {"ldmatrix_overrun", fault_run(ldmatrix_overrun), nullptr, "read of uninitialised shared memory", asan},
      {"ldmatrix_misaligned", fault_run(ldmatrix_misaligned), "row address is not 16-byte aligned",
       "row address is not 16-byte aligned", "row address is not 16-byte aligned"},
      {"ldmatrix_from_global", fault_run(ldmatrix_from_global), "row address is not in shared memory",
       "row address is not in shared memory", "row address is not in shared memory"},
      {"ldmatrix_before_barrier", fault_run(ldmatrix_before_barrier), nullptr, "at shared", nullptr},
      {"mma_with_missing_lanes", fault_run(mma_with_missing_lanes), "mma at", "mma at", "mma at"},
  };
}

}  // namespace tern::kernels::test
