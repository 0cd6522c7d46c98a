// The norm of q and k inside packed tensors, for every path that doesn't do it while it loads; formula in attention.h.
#pragma once

#include "kernels/attention/attention.h"

namespace tern::kernels {

// float64 for float64, else float32: dtype of lse and rstd.
[[nodiscard]] at::ScalarType attention_statistics_dtype(const at::Tensor& qkv);

// Normalises q and k in place; returns the factors [batch, seq, num_heads + num_kv_heads], nothing without a norm.
[[nodiscard]] at::Tensor normalise_heads_(at::Tensor& qkv, const AttentionOptions& options);

// Turns the gradient of the normalised q and k inside d_qkv, in place, into the gradient of what they were before. qkv
// is normalised.
void normalise_heads_backward_(at::Tensor& d_qkv, const at::Tensor& qkv, const at::Tensor& rstd,
                               const AttentionOptions& options);

}  // namespace tern::kernels
