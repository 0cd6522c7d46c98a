// CPU kernels behind swiglu.h: checked, contiguous memory in, one instance per vector level and element type.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

template <CpuLevel level, class T>
void swiglu_forward_cpu(const T* gate_up, T* out, int64_t rows, int64_t inter);

// out may be null (not wanted) or dout; d_gate_up may be gate_up.
template <CpuLevel level, class T>
void swiglu_backward_cpu(const T* dout, const T* gate_up, T* d_gate_up, T* out, int64_t rows, int64_t inter);

}  // namespace tern::kernels
