// What the CUDA launchers of AdamATan2 and AdamW take; contract in adam.h. float32 only.
#pragma once

#include <cstdint>

#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {

// One parameter as the kernel sees it; ema and shadow may be null. Any alignment: where all are aligned to four
// elements the kernel moves four at a time.
struct AdamPointers {
  float* param;
  const float* grad;
  float* exp_avg;
  float* exp_avg_sq;
  float* ema;
  Bf16* shadow;
  int64_t size;
};

// Constants of one step in float32; formulas in adam.h.
struct AdamConstants {
  float decay, weight1, weight2, step_size, ema_weight;
};

}  // namespace tern::kernels
