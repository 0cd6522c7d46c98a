// CPU kernels behind post_norm.h: checked, contiguous memory in, one instance per vector level and element type.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"
#include "kernels/rms_norm/rms_norm_cpu.h"

namespace tern::kernels {

template <CpuLevel level, class T>
void post_norm_forward_cpu(const T* x, T* sum, double eps, int64_t columns, T* y, RstdType<T>* rstd, int64_t rows,
                           int64_t width);

template <CpuLevel level, class T>
void post_norm_output_cpu(const T* sum, const RstdType<T>* rstd, T* y, int64_t rows, int64_t width);

// dy_second may be null.
template <CpuLevel level, class T>
void post_norm_backward_cpu(const T* dy_first, const T* dy_second, const T* sum, const RstdType<T>* rstd,
                            int64_t columns, T* ds, int64_t rows, int64_t width);

}  // namespace tern::kernels
