// CUDA launcher behind adam_atan2.h: checked memory of one device. inv_correction2 is 1 / sqrt(1 - beta2^t).
#pragma once

#include <span>

#include "kernels/common/adam_cuda.h"

namespace tern::kernels {

struct AdamATan2Cuda {
  void (*step)(std::span<const AdamPointers> tensors, const AdamConstants& constants, float inv_correction2,
               CudaStream stream);
};

}  // namespace tern::kernels
