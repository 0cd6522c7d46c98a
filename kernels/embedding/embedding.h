// Rows of a table by their numbers, with a gradient of the table that on the CPU holds only the rows that were read
// (row_gradients.h); on a GPU the gradient is dense, ATen's own.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

// table: [N, D], float32 or float64, any floating dtype where no gradient is wanted; ids: [...] int64, each in
// 0 to N - 1. Returns [..., D], with the graph to the table. Throws tern::Error (usage) naming the argument; a number
// out of range is ATen's error.
[[nodiscard]] at::Tensor embedding(const at::Tensor& table, const at::Tensor& ids);

}  // namespace tern::kernels
