// Launchers of the CUDA attention kernels; contract: attention.h, parameters: attention_params.h, which must have
// passed why_not_fused of attention_config.h.
#pragma once

#include "kernels/attention/attention_config.h"
#include "kernels/attention/attention_forward.cuh"

namespace tern::kernels {

template <int head_dim, int row_tiles>
void attention_forward_tiled(const AttentionForwardParams& p, cudaStream_t stream) {
  using Shared = AttentionForwardShared<head_dim, row_tiles>;
  const AttentionShape& shape = p.in.shape;
  const dim3 grid(static_cast<unsigned>((shape.seq_q + Shared::kQueries - 1) / Shared::kQueries),
                  static_cast<unsigned>(shape.num_heads), static_cast<unsigned>(shape.batch));
  SIMT_LAUNCH((attention_forward_kernel<head_dim, row_tiles>), grid, dim3(kAttentionThreads), Shared::kBytes, stream,
              p);
}

template <int head_dim>
void attention_forward_launch(const AttentionForwardParams& p, const AttentionConfig& config, cudaStream_t stream) {
  if (p.in.shape.batch == 0 || p.in.shape.seq_q == 0) return;
  if constexpr (head_dim == 64) {
    if (config.forward_row_tiles == 2) return attention_forward_tiled<head_dim, 2>(p, stream);
  }
  attention_forward_tiled<head_dim, 1>(p, stream);
}

}  // namespace tern::kernels
