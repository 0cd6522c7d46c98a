// CUDA launchers behind attention.h, bfloat16; parameters that passed why_not_fused of attention_config.h.
#pragma once

#include "kernels/attention/attention_config.h"
#include "kernels/attention/attention_params.h"
#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {

// head_dim: 64 or 128.
template <int head_dim>
struct AttentionCuda {
  void (*forward)(const AttentionForwardParams& params, const AttentionConfig& config, CudaStream stream);
  void (*backward)(AttentionBackwardParams params, const AttentionConfig& config, CudaStream stream);
};

}  // namespace tern::kernels
