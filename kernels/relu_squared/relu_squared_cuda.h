// CUDA launchers behind relu_squared.h: checked, contiguous memory of one device; T is float or Bf16.
#pragma once

#include <cstdint>

#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {

template <class T>
struct ReluSquaredCuda {
  // out may be x.
  void (*forward)(const T* x, T* out, int64_t size, CudaStream stream);
  // dx may be dout or x.
  void (*backward)(const T* dout, const T* x, T* dx, int64_t size, CudaStream stream);
};

}  // namespace tern::kernels
