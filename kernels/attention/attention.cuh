// Launchers of the CUDA attention kernels; contract: attention.h, parameters: attention_params.h, which must have
// passed why_not_fused of attention_config.h.
#pragma once

#include "kernels/attention/attention_backward_keys.cuh"
#include "kernels/attention/attention_backward_queries.cuh"
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

template <int head_dim, bool atomics>
void attention_backward_keys_launch(const AttentionBackwardParams& p, cudaStream_t stream) {
  using Shared = AttentionBackwardKeysShared<head_dim, atomics>;
  const AttentionShape& shape = p.in.shape;
  const dim3 grid(static_cast<unsigned>((shape.seq_k + Shared::kKeys - 1) / Shared::kKeys),
                  static_cast<unsigned>(shape.num_kv_heads), static_cast<unsigned>(shape.batch));
  SIMT_LAUNCH((attention_backward_keys_kernel<head_dim, atomics>), grid, dim3(kAttentionThreads), Shared::kBytes,
              stream, p);
}

// The workspaces are attention_workspace's; dq_sum may be null without atomics.
template <int head_dim>
void attention_backward_launch(AttentionBackwardParams p, const AttentionConfig& config, cudaStream_t stream) {
  const AttentionShape& shape = p.in.shape;
  if (shape.batch == 0) return;
  if (!config.dq_by_atomics) p.dq_sum = nullptr;
  const auto grid = [&](int rows_per_block) {
    return dim3(static_cast<unsigned>(attention_padded_rows(shape.seq_q) / rows_per_block),
                static_cast<unsigned>(shape.num_heads), static_cast<unsigned>(shape.batch));
  };
  if (shape.seq_q > 0)
    SIMT_LAUNCH((attention_stats_kernel<head_dim>), grid(kStatsRows<head_dim>), dim3(kAttentionThreads), 0, stream, p);
  if (shape.seq_k > 0 && config.dq_by_atomics) attention_backward_keys_launch<head_dim, true>(p, stream);
  if (shape.seq_k > 0 && !config.dq_by_atomics) attention_backward_keys_launch<head_dim, false>(p, stream);
  if (shape.seq_q == 0) return;
  if (config.dq_by_atomics)
    SIMT_LAUNCH((attention_dq_kernel<head_dim>), grid(64), dim3(kAttentionThreads), 0, stream, p);
  else
    SIMT_LAUNCH((attention_backward_queries_kernel<head_dim>), grid(64), dim3(kAttentionThreads),
                AttentionBackwardQueriesShared<head_dim>::kBytes, stream, p);
}

}  // namespace tern::kernels
