// The fused CUDA kernels as attention.cpp calls them, on checked tensors of one GPU.
#pragma once

#include <string>

#include "kernels/attention/attention.h"

namespace tern::kernels {

// Empty if they can run this, else why not.
[[nodiscard]] std::string why_not_attention_fused(const at::Tensor& qkv, const AttentionOptions& options);

// Whether q and k are better rotated once, in memory, than in each block that loads them: a block loads a tile of
// queries and all the keys that they see, so from a few tiles on the rotation of keys costs more than a pass over qkv
// (bench/RESULTS.md).
[[nodiscard]] bool rotates_before_fused(const at::Tensor& qkv, const AttentionOptions& options);

// qkv is not rotated where options.rope says how to. out [batch, seq, num_heads * head_dim] and lse [batch, num_heads,
// seq] are written.
void attention_fused_forward(const at::Tensor& qkv, const AttentionOptions& options, at::Tensor& out, at::Tensor& lse);

// d_qkv is written: the derivative with respect to the unrotated qkv.
void attention_fused_backward(const at::Tensor& dout, const at::Tensor& qkv, const AttentionForward& forward,
                              const AttentionOptions& options, at::Tensor& d_qkv);

}  // namespace tern::kernels
