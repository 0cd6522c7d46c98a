// RMS normalisation on CUDA, alone or after a residual sum, forward and backward; contract and formulas in rms_norm.h.
// float32 and bfloat16 with float32 arithmetic, width up to kRmsNormMaxWidth.
//
// Memory bound: every row is read once and stays in registers between the sum and the scaling. A team of threads takes
// a row: a warp up to 1024 elements, a block above. Rows that can't be moved as whole 16-byte vectors (odd width,
// misaligned view) go element by element, with a block per row.
#pragma once

#include <cstdint>

#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"
#include "kernels/rms_norm/rms_norm_cuda.h"
#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

constexpr int kRmsNormThreads = 256;
constexpr int kRmsNormValues = 32;  // of a row in one thread's registers
static_assert(kRmsNormMaxWidth == kRmsNormThreads * kRmsNormValues);

// Thread's share of a row: kRmsNormValues / vec vectors, vector i of thread t at element (i * team + t) * vec.
template <int vec>
using RmsNormShare = float[kRmsNormValues / vec][vec];

// First element of vector i of this thread's share.
template <int team, int vec>
__device__ __forceinline__ int rms_norm_element(int i) {
  return (i * team + static_cast<int>(threadIdx.x % team)) * vec;
}

// Reads the thread's share of a row; what lies behind the row's end is zero and changes no sum. Only loads: a use in
// between would make each of them wait for the last.
template <int team, int vec, class T>
__device__ __forceinline__ void rms_norm_load(const T* row, int width, RmsNormShare<vec>& share) {
#pragma unroll
  for (int i = 0; i < kRmsNormValues / vec; ++i) {
#pragma unroll
    for (int j = 0; j < vec; ++j) share[i][j] = 0.0f;
    const int element = rms_norm_element<team, vec>(i);
    if (element < width) load_floats(row + element, share[i]);
  }
}

template <int team, int vec, class T>
__device__ __forceinline__ void rms_norm_store(T* row, int width, const RmsNormShare<vec>& share) {
#pragma unroll
  for (int i = 0; i < kRmsNormValues / vec; ++i) {
    const int element = rms_norm_element<team, vec>(i);
    if (element < width) store_floats(row + element, share[i]);
  }
}

// Calls f(vector, lane of the vector) for all of a share.
template <int vec, class F>
__device__ __forceinline__ void rms_norm_each(F f) {
#pragma unroll
  for (int i = 0; i < kRmsNormValues / vec; ++i)
#pragma unroll
    for (int j = 0; j < vec; ++j) f(i, j);
}

// The share of the sum of two rows, of which the second may be null.
template <int team, int vec, class T>
__device__ __forceinline__ void rms_norm_load_sum(const T* row, const T* other, int width, RmsNormShare<vec>& share) {
  rms_norm_load<team, vec>(row, width, share);
  if (!other) return;
  RmsNormShare<vec> added;
  rms_norm_load<team, vec>(other, width, added);
  rms_norm_each<vec>([&](int i, int j) { share[i][j] += added[i][j]; });
}

template <int team>
__device__ __forceinline__ float rms_norm_team_sum(float value) {
  if constexpr (team == kWarpThreads) {
    return warp_sum(value);
  } else {
    SIMT_SHARED_ARRAY(float, scratch, team / kWarpThreads);
    return block_sum<team>(value, scratch);
  }
}

// Row of this thread's team; a warp behind the last row has nothing to do.
template <int team>
__device__ __forceinline__ int64_t rms_norm_row() {
  return int64_t{blockIdx.x} * (kRmsNormThreads / team) + threadIdx.x / team;
}

// residual may be null; y may be x or residual.
template <class T, int team, int vec>
__global__ void __launch_bounds__(kRmsNormThreads)
    rms_norm_forward_kernel(const T* x, const T* residual, float eps, T* y, float* rstd, int64_t rows, int width) {
  const int64_t row = rms_norm_row<team>();
  if (row >= rows) return;
  const int64_t begin = row * width;
  RmsNormShare<vec> values;
  rms_norm_load_sum<team, vec>(x + begin, residual ? residual + begin : nullptr, width, values);
  float squares = 0;
  rms_norm_each<vec>([&](int i, int j) { squares = fmaf(values[i][j], values[i][j], squares); });
  const float mean = rms_norm_team_sum<team>(squares) / static_cast<float>(width);
  const float scale = 1.0f / sqrtf(mean + eps);
  if (threadIdx.x % team == 0) rstd[row] = scale;
  rms_norm_each<vec>([&](int i, int j) { values[i][j] *= scale; });
  rms_norm_store<team, vec>(y + begin, width, values);
}

// more, a second part of dy, may be null; dx may be dy.
template <class T, int team, int vec>
__global__ void __launch_bounds__(kRmsNormThreads)
    rms_norm_backward_kernel(const T* dy, const T* more, const T* y, const float* rstd, T* dx, int64_t rows,
                             int width) {
  const int64_t row = rms_norm_row<team>();
  if (row >= rows) return;
  const int64_t begin = row * width;
  RmsNormShare<vec> gradients, outputs;
  rms_norm_load_sum<team, vec>(dy + begin, more ? more + begin : nullptr, width, gradients);
  rms_norm_load<team, vec>(y + begin, width, outputs);
  float products = 0;
  rms_norm_each<vec>([&](int i, int j) { products = fmaf(gradients[i][j], outputs[i][j], products); });
  const float mean = rms_norm_team_sum<team>(products) / static_cast<float>(width);
  const float scale = rstd[row];
  rms_norm_each<vec>([&](int i, int j) { gradients[i][j] = scale * fmaf(-outputs[i][j], mean, gradients[i][j]); });
  rms_norm_store<team, vec>(dx + begin, width, gradients);
}

// Calls launch.operator()<team, vec>(grid) with the widest instance that fits.
template <class T, class Launch>
void rms_norm_dispatch(int64_t rows, int width, bool vectors, const Launch& launch) {
  if (rows == 0) return;
  constexpr int kBlock = kRmsNormThreads, kRowsPerBlock = kBlock / kWarpThreads;
  if (!vectors)
    launch.template operator()<kBlock, 1>(dim3(static_cast<unsigned>(rows)));
  else if (width > kWarpThreads * kRmsNormValues)
    launch.template operator()<kBlock, kVectorSize<T>>(dim3(static_cast<unsigned>(rows)));
  else
    launch.template operator()<kWarpThreads, kVectorSize<T>>(
        dim3(static_cast<unsigned>((rows + kRowsPerBlock - 1) / kRowsPerBlock)));
}

template <class T>
void rms_norm_forward_launch(const T* x, const T* residual, float eps, T* y, float* rstd, int64_t rows, int width,
                             cudaStream_t stream) {
  const bool vectors = rows_are_vectors<T>(width, x, residual, y);
  rms_norm_dispatch<T>(rows, width, vectors, [&]<int team, int vec>(dim3 grid) {
    SIMT_LAUNCH((rms_norm_forward_kernel<T, team, vec>), grid, dim3(kRmsNormThreads), 0, stream, x, residual, eps, y,
                rstd, rows, width);
  });
}

template <class T>
void rms_norm_backward_launch(const T* dy, const T* more, const T* y, const float* rstd, T* dx, int64_t rows, int width,
                              cudaStream_t stream) {
  const bool vectors = rows_are_vectors<T>(width, dy, more, y, dx);
  rms_norm_dispatch<T>(rows, width, vectors, [&]<int team, int vec>(dim3 grid) {
    SIMT_LAUNCH((rms_norm_backward_kernel<T, team, vec>), grid, dim3(kRmsNormThreads), 0, stream, dy, more, y, rstd, dx,
                rows, width);
  });
}

}  // namespace tern::kernels
