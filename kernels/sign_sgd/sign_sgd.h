// SignSGD on the touched rows of an embedding (what Adam comes to when gradients are very sparse). For every distinct
// id among ids, with G = sum of the gradient rows of that id in the order in which they appear:
//
//   w[id] <- w[id] * (1 - lr * weight_decay) - lr * sign(G)          sign(0) = sign(NaN) = 0, as torch.sign
//
// weights: [num_rows, width] float32 (or float64), contiguous, changed in place; other rows are not read.
// grads: [count, width], dtype of weights or bfloat16, contiguous; summed in the dtype of weights.
// ids: [count], int32 or int64, contiguous, each in 0..num_rows-1, in any order, repeats allowed.
// The order of the sum is fixed: results are the same for every number of threads.
// Errors: tern::Error (usage) naming the argument (and the id that is out of range), before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

void sign_sgd_sparse_step(at::Tensor& weights, const at::Tensor& grads, const at::Tensor& ids, double lr,
                          double weight_decay);

}  // namespace tern::kernels
