// Output projection and cross entropy in one op, for vocabularies whose logits should never exist in full:
//
//   logits = hidden weight^T        total = sum over rows of row_weight * loss(logits row, label)
//
// The rows are taken in chunks of as many as give logits of chunk_bytes (but at least one row); each chunk's logits
// become its gradient in place and are gone before the next. The loss, its options and the meaning of the results are
// those of kernels/cross_entropy/cross_entropy.h.
//
// hidden: [..., features]; weight: [width, features]; both contiguous and of one dtype: float32, bfloat16 or float64.
// labels: [...], int32 or int64; row_weight: [...], float32 (float64 for float64), not differentiated: 1 / number of
// valid labels for a mean. With bfloat16 the logits and their gradients are rounded to bfloat16; the gradient of weight
// is a float32 sum over all rows of all chunks, rounded once, at the end.
// The chunks do not depend on the number of threads; ATen's matrix products inside may.
// Errors: tern::Error (usage) naming the argument (and the label that is out of range), before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cross_entropy/cross_entropy.h"

namespace tern::kernels {

constexpr int64_t kLinearCrossEntropyChunkBytes = int64_t{32} << 20;

// Outputs: written in place if defined, else allocated. d_hidden may be hidden itself.
[[nodiscard]] CrossEntropyResult linear_cross_entropy_forward(const at::Tensor& hidden, const at::Tensor& weight,
                                                              const at::Tensor& labels,
                                                              const CrossEntropyOptions& options,
                                                              int64_t chunk_bytes = kLinearCrossEntropyChunkBytes);

[[nodiscard]] CrossEntropyResult linear_cross_entropy_forward_backward(
    const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& labels, const at::Tensor& row_weight,
    const CrossEntropyOptions& options, at::Tensor& d_hidden, at::Tensor& d_weight,
    int64_t chunk_bytes = kLinearCrossEntropyChunkBytes);

struct LinearCrossEntropyResult {
  at::Tensor total;         // scalar, float32 (float64 for float64), carries the graph
  CrossEntropyResult rows;  // without a graph
};

// With autograd. Where a gradient is wanted, it is computed together with the loss (the logits are not kept) and scaled
// in the backward pass. Inputs need not be contiguous (they are copied if not).
[[nodiscard]] LinearCrossEntropyResult linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& weight,
                                                            const at::Tensor& labels, const at::Tensor& row_weight,
                                                            const CrossEntropyOptions& options);

}  // namespace tern::kernels
