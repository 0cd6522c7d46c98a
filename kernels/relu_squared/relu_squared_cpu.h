// CPU kernels behind relu_squared.h: checked, contiguous memory in, one instance per vector level and element type.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

template <CpuLevel level, class T>
void relu_squared_forward_cpu(const T* x, T* out, int64_t size);

template <CpuLevel level, class T>
void relu_squared_backward_cpu(const T* dout, const T* x, T* dx, int64_t size);

}  // namespace tern::kernels
