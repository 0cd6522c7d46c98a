// AdamW on CUDA; contract in adamw.h, the pass in kernels/common/adam.cuh.
#pragma once

#include "kernels/common/adam.cuh"

namespace tern::kernels {

struct AdamWRule {
  float inv_correction2;  // 1 / sqrt(1 - beta2^t)
  float eps;
  __device__ __forceinline__ float direction(float m, float v) const {
    return m / fmaf(sqrtf(v), inv_correction2, eps);
  }
};

}  // namespace tern::kernels
