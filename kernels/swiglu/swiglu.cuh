// SwiGLU on CUDA, forward and backward; contract and formulas in swiglu.h. float32 and bfloat16, float32 arithmetic.
//
// Memory bound: a thread takes one 16-byte vector of the output (one element where rows aren't whole vectors). Threads
// are numbered over all rows, so that no width leaves lanes idle.
#pragma once

#include <cstdint>

#include "kernels/common/activation.cuh"
#include "kernels/common/vec.cuh"
#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

constexpr int kSwigluThreads = 256;

// Where a thread's vector lies: in tensors of width `inter`, and in those of width 2 * inter (the gate; up is inter
// later).
struct SwigluPlace {
  int64_t single, packed;
};

template <int vec>
__device__ __forceinline__ SwigluPlace swiglu_place(uint32_t index, uint32_t vectors_per_row) {
  const uint32_t row = index / vectors_per_row, column = (index - row * vectors_per_row) * vec;
  const int64_t inter = int64_t{vectors_per_row} * vec;
  return {row * inter + column, row * 2 * inter + column};
}

template <class T, int vec>
__global__ void __launch_bounds__(kSwigluThreads)
    swiglu_forward_kernel(const T* gate_up, T* out, uint32_t vectors, uint32_t vectors_per_row) {
  const uint32_t index = blockIdx.x * kSwigluThreads + threadIdx.x;
  if (index >= vectors) return;
  const SwigluPlace at = swiglu_place<vec>(index, vectors_per_row);
  float gate[vec], up[vec];
  load_floats(gate_up + at.packed, gate);
  load_floats(gate_up + at.packed + int64_t{vectors_per_row} * vec, up);
#pragma unroll
  for (int j = 0; j < vec; ++j) gate[j] = gate[j] * sigmoid<T>(gate[j]) * up[j];
  store_floats(out + at.single, gate);
}

// out may be null (not wanted); d_gate_up may be gate_up, out may be dout.
template <class T, int vec>
__global__ void __launch_bounds__(kSwigluThreads)
    swiglu_backward_kernel(const T* dout, const T* gate_up, T* d_gate_up, T* out, uint32_t vectors,
                           uint32_t vectors_per_row) {
  const uint32_t index = blockIdx.x * kSwigluThreads + threadIdx.x;
  if (index >= vectors) return;
  const SwigluPlace at = swiglu_place<vec>(index, vectors_per_row);
  const int64_t up_at = at.packed + int64_t{vectors_per_row} * vec;
  float gradient[vec], gate[vec], up[vec], product[vec];
  load_floats(dout + at.single, gradient);
  load_floats(gate_up + at.packed, gate);
  load_floats(gate_up + up_at, up);
#pragma unroll
  for (int j = 0; j < vec; ++j) {
    const float s = sigmoid<T>(gate[j]), silu = gate[j] * s;
    product[j] = silu * up[j];
    gate[j] = gradient[j] * up[j] * fmaf(silu, 1.0f - s, s);
    up[j] = gradient[j] * silu;
  }
  store_floats(d_gate_up + at.packed, gate);
  store_floats(d_gate_up + up_at, up);
  if (out) store_floats(out + at.single, product);
}

// Calls launch.operator()<vec>(first_row, grid, vectors, vectors_per_row) for stretches of rows short enough for 32-bit
// numbering.
template <class T, class Launch>
void swiglu_dispatch(int64_t rows, int64_t inter, bool whole_vectors, const Launch& launch) {
  const auto run = [&]<int vec>() {
    constexpr int64_t kMaxVectors = int64_t{1} << 31;
    const int64_t per_row = inter / vec, rows_at_once = kMaxVectors / per_row;
    for (int64_t row = 0; row < rows; row += rows_at_once) {
      const int64_t vectors = (rows - row < rows_at_once ? rows - row : rows_at_once) * per_row;
      const auto blocks = static_cast<unsigned>((vectors + kSwigluThreads - 1) / kSwigluThreads);
      launch.template operator()<vec>(row, dim3(blocks), static_cast<uint32_t>(vectors),
                                      static_cast<uint32_t>(per_row));
    }
  };
  if (whole_vectors)
    run.template operator()<kVectorSize<T>>();
  else
    run.template operator()<1>();
}

// gate_up [rows, 2 * inter], out [rows, inter].
template <class T>
void swiglu_forward_launch(const T* gate_up, T* out, int64_t rows, int64_t inter, cudaStream_t stream) {
  swiglu_dispatch<T>(rows, inter, rows_are_vectors<T>(inter, gate_up, out),
                     [&]<int vec>(int64_t row, dim3 grid, uint32_t vectors, uint32_t per_row) {
                       SIMT_LAUNCH((swiglu_forward_kernel<T, vec>), grid, dim3(kSwigluThreads), 0, stream,
                                   gate_up + row * 2 * inter, out + row * inter, vectors, per_row);
                     });
}

// out may be null.
template <class T>
void swiglu_backward_launch(const T* dout, const T* gate_up, T* d_gate_up, T* out, int64_t rows, int64_t inter,
                            cudaStream_t stream) {
  swiglu_dispatch<T>(rows, inter, rows_are_vectors<T>(inter, dout, gate_up, d_gate_up, out),
                     [&]<int vec>(int64_t row, dim3 grid, uint32_t vectors, uint32_t per_row) {
                       SIMT_LAUNCH((swiglu_backward_kernel<T, vec>), grid, dim3(kSwigluThreads), 0, stream,
                                   dout + row * inter, gate_up + row * 2 * inter, d_gate_up + row * 2 * inter,
                                   out ? out + row * inter : nullptr, vectors, per_row);
                     });
}

}  // namespace tern::kernels
