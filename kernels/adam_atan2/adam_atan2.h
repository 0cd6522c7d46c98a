// AdamATan2 (Everett et al. 2024), one pass over the memory of all parameters:
//
//   p <- p * (1 - lr * weight_decay)
//   m <- m + (1 - beta1) * (g - m)
//   v <- v + (1 - beta2) * (g^2 - v)
//   p <- p - lr / (1 - beta1^t) * atan2(m, sqrt(v) / sqrt(1 - beta2^t))
//
// and in the same pass, where wanted, the EMA copy and the bfloat16 shadow of the new p (see kernels/common/adam.h for
// the tensors, their dtypes and shapes). There is no epsilon: atan2 is scale free, and atan2(0, 0) = 0.
//
// On the CPU an angle costs more than the rest of the step. Angle::aten takes it, and the root, from ATen and so gives
// upstream's bits; Angle::fast computes both in place, for float32 within 4 units in the last place of the angle.
// float64 and CUDA have one way, whichever is asked for.
//
// Any length and alignment; an empty list does nothing. Results are the same for every number of threads.
// Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <span>

#include "kernels/common/adam.h"

namespace tern::kernels {

enum class Angle { aten, fast };

void adam_atan2_step(std::span<const AdamTensor> tensors, const AdamOptions& options, Angle angle = Angle::aten);

}  // namespace tern::kernels
