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
#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

constexpr int kRmsNormThreads = 256;
constexpr int kRmsNormValues = 32;  // of a row in one thread's registers
constexpr int kRmsNormMaxWidth = kRmsNormThreads * kRmsNormValues;

// Thread's share of a row: kRmsNormValues / vec vectors, vector i of thread t at element (i * team + t) * vec.
template <int vec>
using RmsNormShare = float[kRmsNormValues / vec][vec];

// Calls f(element, vector of the share) for those of this thread's vectors that lie inside the row.
template <int team, int vec, class F>
__device__ __forceinline__ void rms_norm_each(int width, F f) {
  const int thread = static_cast<int>(threadIdx.x) % team;
#pragma unroll
  for (int i = 0; i < kRmsNormValues / vec; ++i) {
    const int element = (i * team + thread) * vec;
    if (element < width) f(element, i);
  }
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
  return int64_t{blockIdx.x} * (kRmsNormThreads / team) + static_cast<int>(threadIdx.x) / team;
}

// residual may be null; y may be x or residual.
template <class T, int team, int vec>
__global__ void __launch_bounds__(kRmsNormThreads)
    rms_norm_forward_kernel(const T* x, const T* residual, float eps, T* y, float* rstd, int64_t rows, int width) {
  const int64_t row = rms_norm_row<team>();
  if (row >= rows) return;
  const int64_t begin = row * width;
  RmsNormShare<vec> values;
  float squares = 0;
  rms_norm_each<team, vec>(width, [&](int element, int i) {
    load_floats(x + begin + element, values[i]);
    if (residual) {
      float added[vec];
      load_floats(residual + begin + element, added);
#pragma unroll
      for (int j = 0; j < vec; ++j) values[i][j] += added[j];
    }
#pragma unroll
    for (int j = 0; j < vec; ++j) squares = fmaf(values[i][j], values[i][j], squares);
  });
  const float mean = rms_norm_team_sum<team>(squares) / static_cast<float>(width);
  const float scale = 1.0f / sqrtf(mean + eps);
  if (static_cast<int>(threadIdx.x) % team == 0) rstd[row] = scale;
  rms_norm_each<team, vec>(width, [&](int element, int i) {
#pragma unroll
    for (int j = 0; j < vec; ++j) values[i][j] *= scale;
    store_floats(y + begin + element, values[i]);
  });
}

// dx may be dy.
template <class T, int team, int vec>
__global__ void __launch_bounds__(kRmsNormThreads)
    rms_norm_backward_kernel(const T* dy, const T* y, const float* rstd, T* dx, int64_t rows, int width) {
  const int64_t row = rms_norm_row<team>();
  if (row >= rows) return;
  const int64_t begin = row * width;
  RmsNormShare<vec> gradients, outputs;
  float products = 0;
  rms_norm_each<team, vec>(width, [&](int element, int i) {
    load_floats(dy + begin + element, gradients[i]);
    load_floats(y + begin + element, outputs[i]);
#pragma unroll
    for (int j = 0; j < vec; ++j) products = fmaf(gradients[i][j], outputs[i][j], products);
  });
  const float mean = rms_norm_team_sum<team>(products) / static_cast<float>(width);
  const float scale = rstd[row];
  rms_norm_each<team, vec>(width, [&](int element, int i) {
#pragma unroll
    for (int j = 0; j < vec; ++j) gradients[i][j] = scale * fmaf(-outputs[i][j], mean, gradients[i][j]);
    store_floats(dx + begin + element, gradients[i]);
  });
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
void rms_norm_backward_launch(const T* dy, const T* y, const float* rstd, T* dx, int64_t rows, int width,
                              cudaStream_t stream) {
  const bool vectors = rows_are_vectors<T>(width, dy, y, dx);
  rms_norm_dispatch<T>(rows, width, vectors, [&]<int team, int vec>(dim3 grid) {
    SIMT_LAUNCH((rms_norm_backward_kernel<T, team, vec>), grid, dim3(kRmsNormThreads), 0, stream, dy, y, rstd, dx, rows,
                width);
  });
}

}  // namespace tern::kernels
