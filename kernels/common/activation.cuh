// Activation functions in registers. T is the type the result will be rounded to: bfloat16 keeps 8 bits, so the
// device's approximate instructions are exact enough; float32 uses the accurate functions.
#pragma once

#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

// 1 / (1 + exp(-x))
template <class T>
__device__ __forceinline__ float sigmoid(float x) {
  constexpr float kLog2E = 1.4426950408889634f;
  if constexpr (sizeof(T) == 4)
    return 1.0f / (1.0f + expf(-x));
  else
    return fast_rcp(1.0f + fast_exp2(-x * kLog2E));
}

}  // namespace tern::kernels
