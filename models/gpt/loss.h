// The loss of next-token prediction. The logits, the largest tensor of all by far, are never in memory as a whole: the
// output projection and the cross entropy are one op (kernels/linear_cross_entropy).
#pragma once

#include <ATen/core/Tensor.h>

#include "models/gpt/gpt.h"

namespace tern::gpt {

inline constexpr int64_t kIgnoredTarget = -1;  // nanochat's

struct Loss {
  at::Tensor mean;       // scalar over the targets that count, in nats, with graph; NaN where none counts, as upstream
  at::Tensor per_token;  // [B, T], 0 where ignored, without graph
  at::Tensor likeliest;  // [B, T] int64, the token with the largest logit
};

// hidden: what model.hidden gave, [B, T, D]. targets: [B, T] int64, kIgnoredTarget where none. `scale` multiplies the
// mean and so the gradients: 1 / the number of micro-batches that a step's gradient is accumulated from. Throws
// Error(usage) for a target outside the vocabulary.
[[nodiscard]] Loss token_loss(const Gpt& model, const at::Tensor& hidden, const at::Tensor& targets, double scale = 1);

}  // namespace tern::gpt
