// CUDA launchers behind rms_norm.h: checked, contiguous memory of one device; T is float or Bf16. Widths up to
// kRmsNormMaxWidth.
#pragma once

#include <cstdint>

#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {

constexpr int kRmsNormMaxWidth = 8192;

template <class T>
struct RmsNormCuda {
  // residual may be null; y may be x or residual.
  void (*forward)(const T* x, const T* residual, float eps, T* y, float* rstd, int64_t rows, int width,
                  CudaStream stream);
  // more, a second part of dy, may be null; dx may be dy.
  void (*backward)(const T* dy, const T* more, const T* y, const float* rstd, T* dx, int64_t rows, int width,
                   CudaStream stream);
};

}  // namespace tern::kernels
