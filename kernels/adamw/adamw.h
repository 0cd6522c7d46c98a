// AdamW (Loshchilov and Hutter 2019), one pass over the memory of all parameters:
//
//   p <- p * (1 - lr * weight_decay)
//   m <- m + (1 - beta1) * (g - m)
//   v <- v + (1 - beta2) * (g^2 - v)
//   p <- p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
//
// and in the same pass, where wanted, the EMA copy and the bfloat16 shadow of the new p (see kernels/common/adam.h for
// the tensors, their dtypes and shapes).
//
// Any length and alignment; an empty list does nothing. Results are the same for every number of threads.
// Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <span>

#include "kernels/common/adam.h"

namespace tern::kernels {

// eps > 0: without it a weight that never had a gradient would become 0 / 0.
void adamw_step(std::span<const AdamTensor> tensors, const AdamOptions& options, double eps);

}  // namespace tern::kernels
