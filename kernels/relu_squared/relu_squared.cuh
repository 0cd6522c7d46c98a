// Squared ReLU on CUDA, forward and backward; contract and formulas in relu_squared.h. float32 and bfloat16, float32
// arithmetic. Memory bound: a thread takes one 16-byte vector, the last elements go one by one.
#pragma once

#include <cstdint>

#include "kernels/common/vec.cuh"
#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

constexpr int kReluSquaredThreads = 256;

// max(x, 0) that keeps a NaN, as fmaxf doesn't.
__device__ __forceinline__ float relu(float x) {
  return x < 0.0f ? 0.0f : x;
}

// Vector `index` covers elements from index * vec on; vec > 1 only where pointers are aligned. Elements behind the last
// whole vector are the vec == 1 launch's.
template <class T, int vec>
__global__ void __launch_bounds__(kReluSquaredThreads)
    relu_squared_forward_kernel(const T* x, T* out, int64_t vectors) {
  const int64_t index = int64_t{blockIdx.x} * kReluSquaredThreads + threadIdx.x;
  if (index >= vectors) return;
  float values[vec];
  load_floats(x + index * vec, values);
#pragma unroll
  for (int j = 0; j < vec; ++j) values[j] = relu(values[j]) * relu(values[j]);
  store_floats(out + index * vec, values);
}

template <class T, int vec>
__global__ void __launch_bounds__(kReluSquaredThreads)
    relu_squared_backward_kernel(const T* dout, const T* x, T* dx, int64_t vectors) {
  const int64_t index = int64_t{blockIdx.x} * kReluSquaredThreads + threadIdx.x;
  if (index >= vectors) return;
  float gradients[vec], values[vec];
  load_floats(dout + index * vec, gradients);
  load_floats(x + index * vec, values);
#pragma unroll
  for (int j = 0; j < vec; ++j) gradients[j] = gradients[j] * (2.0f * relu(values[j]));
  store_floats(dx + index * vec, gradients);
}

// Calls launch.operator()<vec>(first element, grid, vectors) for the whole vectors and for the rest.
template <class T, class Launch>
void relu_squared_dispatch(int64_t size, bool aligned, const Launch& launch) {
  constexpr int kVec = kVectorSize<T>;
  const int64_t vectors = aligned ? size / kVec : 0, rest = size - vectors * kVec;
  const auto grid = [](int64_t count) {
    return dim3(static_cast<unsigned>((count + kReluSquaredThreads - 1) / kReluSquaredThreads));
  };
  if (vectors > 0) launch.template operator()<kVec>(0, grid(vectors), vectors);
  if (rest > 0) launch.template operator()<1>(vectors * kVec, grid(rest), rest);
}

template <class T>
void relu_squared_forward_launch(const T* x, T* out, int64_t size, cudaStream_t stream) {
  relu_squared_dispatch<T>(size, rows_are_vectors<T>(0, x, out), [&]<int vec>(int64_t at, dim3 grid, int64_t vectors) {
    SIMT_LAUNCH((relu_squared_forward_kernel<T, vec>), grid, dim3(kReluSquaredThreads), 0, stream, x + at, out + at,
                vectors);
  });
}

template <class T>
void relu_squared_backward_launch(const T* dout, const T* x, T* dx, int64_t size, cudaStream_t stream) {
  relu_squared_dispatch<T>(size, rows_are_vectors<T>(0, dout, x, dx),
                           [&]<int vec>(int64_t at, dim3 grid, int64_t vectors) {
                             SIMT_LAUNCH((relu_squared_backward_kernel<T, vec>), grid, dim3(kReluSquaredThreads), 0,
                                         stream, dout + at, x + at, dx + at, vectors);
                           });
}

}  // namespace tern::kernels
