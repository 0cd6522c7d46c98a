// The gradient of a table [N, D] of which a pass reads few rows: these rows alone, where a dense one would be as large
// as the table and almost all zeros. It travels through autograd and lies in the table's .grad() as a sparse tensor of
// ATen; several backward passes add up, row by row, as dense gradients do, with the same bits.
//
// Whoever reads gradients asks is_row_gradients first, or takes dense_gradient.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tern::kernels {

struct RowGradients {
  at::Tensor rows;    // [R] int64, ascending, each once
  at::Tensor values;  // [R, D]

  // Of the rows first to first + count - 1, numbered from first.
  [[nodiscard]] RowGradients narrow(int64_t first, int64_t count) const;
};

// The table's gradient as a sparse tensor. ids: [...] int64, the rows that were read; gradient: [..., D], float32 or
// float64, of what was read. Those of one row are added up in their order, from zero, as ATen's dense gradient adds
// them. Throws tern::Error (usage) naming the argument.
[[nodiscard]] at::Tensor make_row_gradients(const at::Tensor& ids, const at::Tensor& gradient, int64_t table_rows);

[[nodiscard]] bool is_row_gradients(const at::Tensor& gradient);

// What a gradient of that kind holds.
[[nodiscard]] RowGradients row_gradients(const at::Tensor& gradient);

// The same gradient with its zeros, [N, D]; one that is dense, or undefined, comes back as it is.
[[nodiscard]] at::Tensor dense_gradient(const at::Tensor& gradient);

// L2 norm of either kind, a scalar tensor. Zeros add nothing to it: the bits are those of the dense gradient where D is
// a multiple of the width of the processor's vectors.
[[nodiscard]] at::Tensor gradient_norm(const at::Tensor& gradient);

}  // namespace tern::kernels
