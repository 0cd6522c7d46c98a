#include "tests/kernels/simt/legal_kernels.h"

#include "kernels/simt/tile_ops.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {
namespace {

constexpr int kThreads = 128;

__global__ void grid_sum(const float* x, float* y, int n) {
  SIMT_SHARED_ARRAY(float, warp_sums, 32);
  float sum = 0;
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n;
       i += static_cast<int>(blockDim.x * gridDim.x))
    sum += x[i];
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(0xffffffffu, sum, offset);
  if (threadIdx.x % 32 == 0) warp_sums[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = threadIdx.x < blockDim.x / 32 ? warp_sums[threadIdx.x] : 0.0f;
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    if (threadIdx.x == 0) atomicAdd(y, sum);
  }
}
bool sum_is_right() {
  std::vector<float> x(10000);
  double expected = 0;
  for (size_t i = 0; i < x.size(); ++i) expected += x[i] = static_cast<float>(i % 17);
  DeviceBuffer<float> input("x", Use::input, x), y("y", Use::output, {0.0f});
  SIMT_LAUNCH(grid_sum, dim3(8), dim3(kThreads), 0, nullptr, input.data(), y.data(), static_cast<int>(x.size()));
  return y.download()[0] == static_cast<float>(expected);  // whole numbers: exact in any order
}

// Exited threads don't count at a barrier.
__global__ void early_exit(float* y) {
  if (threadIdx.x >= 64) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}
__global__ void two_half_warps(float* y) {
  const unsigned mask = threadIdx.x % 32 < 16 ? 0x0000ffffu : 0xffff0000u;
  float value = static_cast<float>(threadIdx.x);
  if (threadIdx.x % 32 < 16)
    value += __shfl_xor_sync(mask, value, 8);
  else
    value += __shfl_xor_sync(mask, value, 4);
  y[threadIdx.x] = value;
}
// Bytes written by different threads into one word, and read after the barrier.
__global__ void neighbouring_halves(float* y) {
  SIMT_SHARED_ARRAY(uint16_t, halves, 2 * kThreads);
  halves[2 * kThreads - 1 - threadIdx.x] = 1;
  halves[threadIdx.x] = 2;
  __syncthreads();
  y[threadIdx.x] = static_cast<float>(halves[threadIdx.x] + halves[threadIdx.x + kThreads]);
}
__global__ void warp_exchange(float* y) {
  SIMT_SHARED_ARRAY(float, s, kThreads);
  for (int i = 0; i < 3; ++i) {
    s[threadIdx.x] = static_cast<float>(threadIdx.x + static_cast<unsigned>(i));
    __syncwarp();
    y[threadIdx.x] = s[threadIdx.x ^ 1];
    __syncwarp();
  }
}
__global__ void double_buffered_copy(const float4* x, float* y) {
  SIMT_DYN_SHARED(raw);
  float4* tile = reinterpret_cast<float4*>(raw);
  cp_async16(tile + threadIdx.x, x + threadIdx.x, true);
  cp_async_commit();
  float sum = 0;
  for (int i = 0; i < 4; ++i) {
    const bool more = i < 3;
    float4* next = tile + (i % 2 == 0 ? kThreads : 0);
    cp_async16(next + threadIdx.x, x + (i + 1) * kThreads + threadIdx.x, more);
    cp_async_commit();
    cp_async_wait<1>();
    __syncthreads();
    const float4* current = tile + (i % 2 == 0 ? 0 : kThreads);
    sum += current[kThreads - 1 - threadIdx.x].y;
    __syncthreads();
  }
  cp_async_wait<0>();
  y[threadIdx.x] = sum;
}
bool copies_are_right() {
  std::vector<float4> x(4 * kThreads);
  for (size_t i = 0; i < x.size(); ++i) x[i] = {0, static_cast<float>(i), 0, 0};
  DeviceBuffer<float4> input("x", Use::input, x);
  DeviceBuffer<float> y("y", Use::output, std::vector<float>(kThreads));
  SIMT_LAUNCH(double_buffered_copy, dim3(1), dim3(kThreads), 2 * kThreads * sizeof(float4), nullptr, input.data(),
              y.data());
  return y.download()[5] == static_cast<float>(4 * 122 + (0 + 1 + 2 + 3) * kThreads);
}
// A thread may change what it copied itself before the barrier.
__global__ void own_copy_changed(const float4* x, float* y) {
  SIMT_DYN_SHARED(raw);
  float4* const tile = reinterpret_cast<float4*>(raw);
  cp_async16(tile + threadIdx.x, x + threadIdx.x, true);
  cp_async_commit();
  cp_async_wait<0>();
  tile[threadIdx.x].y = -tile[threadIdx.x].y;
  __syncthreads();
  y[threadIdx.x] = tile[kThreads - 1 - threadIdx.x].y;
}
bool own_change_is_seen() {
  std::vector<float4> x(kThreads);
  for (size_t i = 0; i < x.size(); ++i) x[i] = {0, static_cast<float>(i), 0, 0};
  DeviceBuffer<float4> input("x", Use::input, x);
  DeviceBuffer<float> y("y", Use::output, std::vector<float>(kThreads));
  SIMT_LAUNCH(own_copy_changed, dim3(1), dim3(kThreads), kThreads * sizeof(float4), nullptr, input.data(), y.data());
  return y.download()[5] == -122.0f;
}
__global__ void votes_and_counts(float* y) {
  const int tid = static_cast<int>(threadIdx.x);
  const unsigned odd = __ballot_sync(0xffffffffu, tid & 1);
  const int any = __any_sync(0xffffffffu, tid == 40), all = __all_sync(0xffffffffu, tid < 64);
  const int some = __syncthreads_or(tid == 127);
  const int every = __syncthreads_and(tid < 127);
  const int count = __syncthreads_count(tid < 10);
  y[tid] =
      static_cast<float>((odd == 0xaaaaaaaau) + 10 * any + 100 * all + 1000 * some + 10000 * every + 100000 * count);
}
__global__ void every_shuffle(float* y) {
  const int tid = static_cast<int>(threadIdx.x), lane = tid % 32;
  const int up = __shfl_up_sync(0xffffffffu, lane, 1), down = __shfl_down_sync(0xffffffffu, lane, 1);
  const int index = __shfl_sync(0xffffffffu, lane, 3, 8), flip = __shfl_xor_sync(0xffffffffu, lane, 16);
  const double wide = __shfl_sync(0xffffffffu, lane + 0.5, 7);
  const bool right = up == (lane == 0 ? 0 : lane - 1) && down == (lane == 31 ? 31 : lane + 1) &&
                     index == lane / 8 * 8 + 3 && flip == (lane ^ 16) && wide == 7.5;
  y[tid] = right ? 1.0f : 0.0f;
}
__global__ void shared_histogram(float* y) {
  SIMT_SHARED_ARRAY(unsigned, bins, 4);
  if (threadIdx.x < 4) bins[threadIdx.x] = 0;
  __syncthreads();
  atomicAdd(&bins[threadIdx.x % 4], 1u);
  __syncthreads();
  atomicMax(&bins[3], threadIdx.x);
  __syncthreads();
  if (threadIdx.x < 4) atomicAdd(&y[threadIdx.x], static_cast<float>(bins[threadIdx.x]));
}
__global__ void three_dimensions(float* y) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  y[block * 8 + thread] = 1;
}

std::function<bool()> expect(void (*kernel)(float*), std::function<float(size_t)> expected, dim3 grid = 1,
                             dim3 block = kThreads) {
  return [=] {
    DeviceBuffer<float> y("y", Use::output, std::vector<float>(kThreads));
    simt::launch({"legal"}, kernel, grid, block, 0, y.data());
    const std::vector<float> values = y.download();
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i] != expected(i)) return false;
    return true;
  };
}

}  // namespace

std::vector<LegalKernel> legal_kernels() {
  return {
      {"grid_sum", sum_is_right},
      {"early_exit", expect(early_exit, [](size_t i) { return i < 64 ? 1.0f : 0.0f; })},
      {"two_half_warps",
       expect(two_half_warps, [](size_t i) { return static_cast<float>(i + (i % 32 < 16 ? (i ^ 8) : (i ^ 4))); })},
      {"neighbouring_halves", expect(neighbouring_halves, [](size_t) { return 3.0f; })},
      {"warp_exchange", expect(warp_exchange, [](size_t i) { return static_cast<float>((i ^ 1) + 2); })},
      {"double_buffered_copy", copies_are_right},
      {"own_copy_changed", own_change_is_seen},
      {"votes_and_counts",
       expect(votes_and_counts,
              [](size_t i) { return 1001001.0f + (i / 32 == 1 ? 10.0f : 0.0f) + (i < 64 ? 100.0f : 0.0f); })},
      {"every_shuffle", expect(every_shuffle, [](size_t) { return 1.0f; })},
      {"shared_histogram",
       expect(
           shared_histogram, [](size_t i) { return i < 3    ? 64.0f
                                                   : i == 3 ? 254.0f
                                                            : 0.0f; }, dim3(2))},
      {"three_dimensions",
       expect(
           three_dimensions, [](size_t i) { return i < 96 ? 1.0f : 0.0f; }, dim3(3, 2, 2), dim3(2, 2, 2))},
  };
}

}  // namespace tern::kernels::test
