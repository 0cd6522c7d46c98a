// Choice of tiles for the CUDA attention kernels: pure functions of the problem and the device, tested without a GPU.
#pragma once

#include <string>

#include "kernels/attention/attention_params.h"

namespace tern::kernels {

struct AttentionDevice {
  int compute_capability = 80;  // major * 10 + minor
  int multiprocessors = 108;
};

struct AttentionConfig {
  int forward_row_tiles = 1;   // 16-row tiles per warp: 64 or 128 queries per block
  bool dq_by_atomics = false;  // backward: one pass that adds dq by atomics, or a second pass (deterministic)
};

[[nodiscard]] AttentionConfig choose_attention(const AttentionShape& shape, int head_dim, bool deterministic,
                                               const AttentionDevice& device);

// Elements of the backward pass's workspaces: AttentionRowStats, and float32 for dq (0 without atomics).
struct AttentionWorkspace {
  int64_t stats = 0, dq_sum = 0;
};
[[nodiscard]] AttentionWorkspace attention_workspace(const AttentionShape& shape, int head_dim,
                                                     const AttentionConfig& config);

// Empty if the kernels can run this, else why not, as the end of a sentence ("head size 96, not 64 or 128"). Dtypes are
// the caller's to check.
[[nodiscard]] std::string why_not_fused(const AttentionInputs& in, int head_dim);
// The same for an output or a gradient: 16-byte alignment.
[[nodiscard]] std::string why_not_fused(const char* name, const AttentionTensor<const Bf16>& tensor);

}  // namespace tern::kernels
