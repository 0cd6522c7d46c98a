// Scaled dot-product attention on the packed projection, with the rotary embedding and the norm of q and k fused (Dao
// et al. 2022 for the algorithm, kernels/rope/rope.h for the rotation, Henry et al. 2020 for the norm):
//
//   q, k, v = heads of qkv; q and k rotated, then normalised
//   P = softmax(scale * q k^T + mask)            out = P v
//
// The norm is each head's RMS norm without parameters, times a gain: x * gain / sqrt(mean(x^2) + eps). nanochat's GPT
// has it with gain 1.2.
//
// Query head h uses key/value head h / (num_heads / num_kv_heads). Masks: none; causal (token t sees tokens 0..t); or
// causal with a window (token t sees t - window_left..t).
//
// qkv: [batch, seq, (num_heads + 2 num_kv_heads) head_dim], contiguous; float32, bfloat16 or float64.
// out, dout: [batch, seq, num_heads * head_dim], contiguous, dtype of qkv.
// lse: [batch, num_heads, seq], log of the sum of exponents of each row of scaled scores; float32 (float64 for
// float64); its strides are the kernel's own affair.
// The score matrix is never stored (but by the math backend). Results are the same for a fixed number of threads.
// Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/attention/attention_backend.h"
#include "kernels/rope/rope.h"

namespace tern::kernels {

struct QkNorm {
  double gain = 0;  // 0: no norm
  double eps = 0;
};

struct AttentionOptions {
  QkvLayout layout;
  bool causal = false;
  int64_t window_left = -1;  // -1: no window; needs causal
  double scale = 0;          // 0: 1 / sqrt(head_dim)
  RopeTable rope{};          // undefined tables: no rotation
  QkNorm norm{};
  // Where it can't run a problem, another one does, with one line in the log.
  AttentionBackend backend = AttentionBackend::fused;
  // The same bits in every run. Concerns the backward pass on a GPU, where q's gradient is else summed by atomics,
  // which saves a pass over the scores but was slower on an H200 (bench/RESULTS.md).
  bool deterministic = true;
};

struct AttentionForward {
  at::Tensor out;
  at::Tensor lse;
  // [batch, seq, num_heads + num_kv_heads], dtype of lse: the norm's factor; undefined without a norm and where the
  // fused CUDA kernel ran, which finds it again.
  at::Tensor rstd{};
  AttentionBackend backend = AttentionBackend::fused;  // the one that computed it, and that the backward pass takes
};

// Rotates and normalises q and k inside qkv in place (the backward pass wants them so) and attends. The fused CUDA
// kernel does both while it loads and leaves qkv alone where it has a norm or at most 128 tokens, else rotates first.
[[nodiscard]] AttentionForward attention_forward_(at::Tensor& qkv, const AttentionOptions& options);

// d_qkv: derivative with respect to the qkv that attention_forward_ was given, before rotation and norm. qkv is what
// the forward pass left. d_qkv is written in place if defined, else allocated; it may not overlap any input.
void attention_backward(const at::Tensor& dout, const at::Tensor& qkv, const AttentionForward& forward,
                        const AttentionOptions& options, at::Tensor& d_qkv);

// With autograd: returns out; qkv is left alone. The input need not be contiguous.
[[nodiscard]] at::Tensor attention(const at::Tensor& qkv, const AttentionOptions& options);

}  // namespace tern::kernels
