// CPU kernels behind rms_norm.h: checked, contiguous memory in, one instance per vector level and element type.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

template <class T>
using RstdType = std::conditional_t<std::is_same_v<T, double>, double, float>;

// residual may be null; y may be x or residual.
template <CpuLevel level, class T>
void rms_norm_forward_cpu(const T* x, const T* residual, double eps, T* y, RstdType<T>* rstd, int64_t rows,
                          int64_t width);

// more, a second part of dy, may be null; dx may be dy.
template <CpuLevel level, class T>
void rms_norm_backward_cpu(const T* dy, const T* more, const T* y, const RstdType<T>* rstd, T* dx, int64_t rows,
                           int64_t width);

}  // namespace tern::kernels
