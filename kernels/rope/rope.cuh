// Rotary position embedding on CUDA, in place inside the packed projection; contract and formulas in rope.h. float32
// and bfloat16, float32 arithmetic. The backward pass is the rotation the other way.
//
// Memory bound: a thread turns one 16-byte vector of a head's first half together with its partner in the second. The
// value heads are not touched.
#pragma once

#include <cstdint>

#include "kernels/common/vec.cuh"
#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

constexpr int kRopeThreads = 256;

struct RopeShape {
  int seq_len;
  int width;  // of a row of qkv
  int heads;  // that are turned: those of q and k, at the row's beginning
  int half;   // half of a head's size
};

// Vectors are numbered over rows, heads and the vectors of a half. cos and sin point at the first token's row; row 0 of
// qkv is the first token of a sequence.
template <class T, int vec, bool clockwise>
__global__ void __launch_bounds__(kRopeThreads)
    rope_kernel(T* qkv, const float* cos, const float* sin, SIMT_PARAM RopeShape shape, uint32_t vectors) {
  const uint32_t index = blockIdx.x * kRopeThreads + threadIdx.x;
  if (index >= vectors) return;
  const uint32_t per_head = static_cast<uint32_t>(shape.half / vec), heads = static_cast<uint32_t>(shape.heads);
  const uint32_t head_index = index / per_head, row = head_index / heads;
  const int column = static_cast<int>(index % per_head) * vec;
  const int64_t angle = int64_t{row % static_cast<uint32_t>(shape.seq_len)} * shape.half + column;
  T* first = qkv + int64_t{row} * shape.width + static_cast<int>(head_index % heads) * 2 * shape.half + column;
  T* second = first + shape.half;
  float a[vec], b[vec], c[vec], s[vec];
  load_floats(first, a);
  load_floats(second, b);
  load_floats(cos + angle, c);
  load_floats(sin + angle, s);
#pragma unroll
  for (int j = 0; j < vec; ++j) {
    const float turn = clockwise ? -s[j] : s[j], x = a[j], y = b[j];
    a[j] = fmaf(x, c[j], -(y * turn));
    b[j] = fmaf(y, c[j], x * turn);
  }
  store_floats(first, a);
  store_floats(second, b);
}

// Calls launch.operator()<vec>(first row, grid, vectors) for stretches of whole sequences, short enough for 32-bit
// numbering.
template <class T, class Launch>
void rope_dispatch(int64_t rows, const RopeShape& shape, bool whole_vectors, const Launch& launch) {
  const auto run = [&]<int vec>() {
    constexpr int64_t kMaxVectors = int64_t{1} << 31;
    const int64_t per_sequence = int64_t{shape.seq_len} * shape.heads * (shape.half / vec);
    const int64_t rows_at_once = kMaxVectors / per_sequence * shape.seq_len;
    for (int64_t row = 0; row < rows; row += rows_at_once) {
      const int64_t some = rows - row < rows_at_once ? rows - row : rows_at_once;
      const int64_t vectors = some * shape.heads * (shape.half / vec);
      launch.template operator()<vec>(row, dim3(static_cast<unsigned>((vectors + kRopeThreads - 1) / kRopeThreads)),
                                      static_cast<uint32_t>(vectors));
    }
  };
  if (whole_vectors)
    run.template operator()<kVectorSize<T>>();
  else
    run.template operator()<1>();
}

// qkv [rows, width], changed in place; cos and sin [seq_len or more, half] from the first token's position on. rows is
// a multiple of seq_len, heads and half are 1 or more.
template <class T>
void rope_launch(T* qkv, const float* cos, const float* sin, bool clockwise, int64_t rows, const RopeShape& shape,
                 cudaStream_t stream) {
  const bool whole_vectors = rows_are_vectors<T>(shape.half, qkv, cos, sin) && shape.width % kVectorSize<T> == 0;
  rope_dispatch<T>(rows, shape, whole_vectors, [&]<int vec>(int64_t row, dim3 grid, uint32_t vectors) {
    T* begin = qkv + row * shape.width;
    if (clockwise)
      SIMT_LAUNCH((rope_kernel<T, vec, true>), grid, dim3(kRopeThreads), 0, stream, begin, cos, sin, shape, vectors);
    else
      SIMT_LAUNCH((rope_kernel<T, vec, false>), grid, dim3(kRopeThreads), 0, stream, begin, cos, sin, shape, vectors);
  });
}

}  // namespace tern::kernels
