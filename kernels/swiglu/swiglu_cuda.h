// CUDA launchers behind swiglu.h: checked, contiguous memory of one device; T is float or Bf16.
#pragma once

#include <cstdint>

#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {

template <class T>
struct SwigluCuda {
  // gate_up [rows, 2 * inter], out [rows, inter].
  void (*forward)(const T* gate_up, T* out, int64_t rows, int64_t inter, CudaStream stream);
  // out may be null (not wanted); d_gate_up may be gate_up, out may be dout.
  void (*backward)(const T* dout, const T* gate_up, T* d_gate_up, T* out, int64_t rows, int64_t inter,
                   CudaStream stream);
};

}  // namespace tern::kernels
