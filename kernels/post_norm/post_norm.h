// RMS normalisation after a residual sum, for layers that normalise last (TRM): like rms_norm.h, but the sum is what
// the forward pass leaves behind, and every operation and every sum keeps the order of the eager composition
//
//   s = x + residual        rstd = rsqrt(s.square().mean(-1) + eps)        y = s * rstd
//
//   ds = dy * rstd + 2 s * (-0.5 * sum(dy * s) * rstd^3 / width)            dx = dresidual = ds
//
// so that on the CPU float32 results have the very bits of that composition and of its autograd in ATen. (A model that
// is applied to itself dozens of times per step enlarges a difference in the last bit a thousandfold.)
//
// Tensors: [rows, width], contiguous, all of one dtype: float32, bfloat16 or float64; rstd: [rows], float32 (float64
// for float64). The sum s is rounded to the dtype, as the composition does.
//
// columns: how the rows lie in the composition's memory. 0: each row is contiguous there. Otherwise the composition
// normalises along a dimension whose neighbours are `columns` apart, and row r here is column r % columns there; it
// matters for the order of the sums only.
//
// Rows are independent: results are the same for every number of threads. Outputs: a defined one is written in place,
// an undefined one is allocated. Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

// sum: the residual, which becomes s.
void post_norm_forward_(const at::Tensor& x, at::Tensor& sum, double eps, int64_t columns, at::Tensor& y,
                        at::Tensor& rstd);

// y once more.
void post_norm_output(const at::Tensor& sum, const at::Tensor& rstd, at::Tensor& y);

// dy is dy_first + dy_second, added in the same pass; dy_second may be undefined (nothing). ds may be dy_first.
void post_norm_backward(const at::Tensor& dy_first, const at::Tensor& dy_second, const at::Tensor& sum,
                        const at::Tensor& rstd, int64_t columns, at::Tensor& ds);

}  // namespace tern::kernels
