// linear_cross_entropy for float32 softmax on the CPU: products, softmax and gradients tile by tile of the vocabulary,
// while a tile is in a core's own cache. The products are oneDNN's small ones (brgemm).
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/linear_cross_entropy/linear_cross_entropy.h"

namespace tern::kernels {

// Whether this processor and build can, and the problem is one of these.
[[nodiscard]] bool can_use_tiles(const at::Tensor& hidden, const CrossEntropyOptions& options);

// Checked arguments: hidden [rows, features], weight [width, features], labels [rows] int64, row_weight [rows]; loss
// and argmax [rows] are written. d_hidden (may be hidden) and d_weight are written where row_weight is given.
struct LinearCrossEntropyTiles {
  at::Tensor hidden, weight, labels, row_weight;
  at::Tensor loss, argmax, d_hidden, d_weight;
};
void linear_cross_entropy_tiles(const LinearCrossEntropyTiles& in, const CrossEntropyOptions& options,
                                int64_t chunk_bytes);

}  // namespace tern::kernels
