// What lies behind attention.h: one path per backend, and the choice among those that can run a problem.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "kernels/attention/attention.h"

namespace tern::kernels {

// Heads as ATen wants them: [batch, heads, seq, head_dim], views into a packed tensor.
struct AttentionHeads {
  at::Tensor q, k, v;
};

struct AttentionProblem {
  AttentionHeads in;  // rotated
  bool causal = false;
  int64_t window_left = -1;  // as in AttentionOptions, but -1 where the window reaches the whole sequence
  double scale = 1;
};

struct AttentionPathResult {
  at::Tensor out;  // [batch, heads, seq, head_dim], any strides
  at::Tensor lse;  // [batch, heads, seq]
};

// A path that computes from rotated heads.
struct AttentionPath {
  AttentionPathResult (*forward)(const AttentionProblem& problem);
  // dout and out: [batch, heads, seq, head_dim]; returns the derivatives of q, k and v.
  AttentionHeads (*backward)(const AttentionProblem& problem, const at::Tensor& dout, const at::Tensor& out,
                             const at::Tensor& lse);
};

extern const AttentionPath kAttentionCpuFlash;   // ATen's flash attention for the CPU
extern const AttentionPath kAttentionCudaFlash;  // ATen's FlashAttention
extern const AttentionPath kAttentionCudnn;      // no window
extern const AttentionPath kAttentionMath;

// [seq, seq], true where a query must not look; nothing where every key is seen.
[[nodiscard]] std::optional<at::Tensor> attention_hidden(const AttentionProblem& problem);

// Empty if the backend can run this, else why not, as the end of a sentence ("it has no sliding window").
[[nodiscard]] std::string why_not_backend(AttentionBackend backend, const AttentionOptions& options,
                                          const at::Tensor& qkv);

// options.backend if it can run this, else the next of flash, math that can, with one line in the log.
[[nodiscard]] AttentionBackend usable_backend(const AttentionOptions& options, const at::Tensor& qkv);

}  // namespace tern::kernels
