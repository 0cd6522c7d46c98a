// CPU kernel behind rope.h: checked, contiguous memory in, one instance per vector level and element type.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

template <class T>
using RopeType = std::conditional_t<std::is_same_v<T, double>, double, float>;

// Rotates the first `heads` heads of each of rows tokens that are `row_width` elements apart; cos and sin point at the
// row of the first position, and token t of each sequence of seq_len uses row t.
template <CpuLevel level, class T>
void rope_cpu(T* qkv, const RopeType<T>* cos, const RopeType<T>* sin, bool clockwise, int64_t rows, int64_t seq_len,
              int64_t row_width, int64_t heads, int64_t head_dim);

}  // namespace tern::kernels
