// Loads and stores of several neighbouring elements at once, as float32 values in registers.
#pragma once

#include <cstdint>

#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

// Elements of T in 16 bytes, the widest access there is.
template <class T>
constexpr int kVectorSize = 16 / static_cast<int>(sizeof(T));

// count is 1, or a multiple of kVectorSize<T> with the address aligned to 16 bytes.
template <int count, class T>
__device__ __forceinline__ void load_floats(const T* from, float (&to)[count]) {
  if constexpr (count == 1) {
    to[0] = to_float(from[0]);
  } else if constexpr (sizeof(T) == 4) {
    static_assert(count % 4 == 0);
#pragma unroll
    for (int i = 0; i < count; i += 4) {
      const float4 four = *reinterpret_cast<const float4*>(from + i);
      to[i] = four.x, to[i + 1] = four.y, to[i + 2] = four.z, to[i + 3] = four.w;
    }
  } else {
    static_assert(count == 8);
    const uint4 pairs = *reinterpret_cast<const uint4*>(from);
    to[0] = low_float(pairs.x), to[1] = high_float(pairs.x);
    to[2] = low_float(pairs.y), to[3] = high_float(pairs.y);
    to[4] = low_float(pairs.z), to[5] = high_float(pairs.z);
    to[6] = low_float(pairs.w), to[7] = high_float(pairs.w);
  }
}

template <int count, class T>
__device__ __forceinline__ void store_floats(T* to, const float (&from)[count]) {
  if constexpr (count == 1) {
    round_to(to[0], from[0]);
  } else if constexpr (sizeof(T) == 4) {
    static_assert(count % 4 == 0);
#pragma unroll
    for (int i = 0; i < count; i += 4)
      *reinterpret_cast<float4*>(to + i) = make_float4(from[i], from[i + 1], from[i + 2], from[i + 3]);
  } else {
    static_assert(count == 8);
    *reinterpret_cast<uint4*>(to) = make_uint4(pack_bf16x2(from[0], from[1]), pack_bf16x2(from[2], from[3]),
                                               pack_bf16x2(from[4], from[5]), pack_bf16x2(from[6], from[7]));
  }
}

// Host side: can all these rows of `width` elements be moved by whole vectors?
template <class T, class... Pointers>
bool rows_are_vectors(int64_t width, const Pointers*... pointers) {
  const uintptr_t bits = (reinterpret_cast<uintptr_t>(pointers) | ... | 0);
  return bits % 16 == 0 && width % kVectorSize<T> == 0;
}

}  // namespace tern::kernels
