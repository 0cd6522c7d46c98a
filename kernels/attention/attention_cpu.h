// CPU kernels of the norm of q and k behind attention.h: checked, contiguous memory in, one instance per vector level
// and element type. The products themselves are ATen's.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

template <class T>
using HeadRstdType = std::conditional_t<std::is_same_v<T, double>, double, float>;

// The first `heads` heads of rows tokens that are `row_width` elements apart.
struct HeadRows {
  int64_t rows, row_width, heads, head_dim;
};

// In place: x = x * rstd * gain with rstd = 1 / sqrt(mean(x^2 over the head) + eps), which is left in rstd: [rows,
// heads].
template <CpuLevel level, class T>
void head_norm_cpu(T* x, HeadRstdType<T>* rstd, double gain, double eps, const HeadRows& shape);

// In place: d of the result to d of the input. y is the result.
template <CpuLevel level, class T>
void head_norm_backward_cpu(T* d, const T* y, const HeadRstdType<T>* rstd, double gain, const HeadRows& shape);

}  // namespace tern::kernels
