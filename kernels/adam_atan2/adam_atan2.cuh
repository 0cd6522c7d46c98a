// AdamATan2 on CUDA; contract in adam_atan2.h, the pass in kernels/common/adam.cuh.
#pragma once

#include "kernels/common/adam.cuh"

namespace tern::kernels {

struct AdamATan2Rule {
  float inv_correction2;  // 1 / sqrt(1 - beta2^t)
  __device__ __forceinline__ float direction(float m, float v) const { return atan2f(m, sqrtf(v) * inv_correction2); }
};

}  // namespace tern::kernels
