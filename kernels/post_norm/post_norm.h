// RMS normalisation after a residual sum, for layers that normalise last (TRM). The function is rms_norm.h's:
//
//   s = x + residual        rstd = rsqrt(s.square().mean(-1) + eps)        y = s * rstd
//
//   ds = dy * rstd + 2 s * (-0.5 * sum(dy * s) * rstd^3 / width)            dx = dresidual = ds
//
// On a GPU it is the fused kernel of kernels/rms_norm, forward and backward. On the CPU every operation and every sum
// keeps the order of the eager composition above, so that float32 results have the very bits of that composition and of
// its autograd in ATen. (A model that is applied to itself dozens of times per step enlarges a difference in the last
// bit a thousandfold.) The backward pass needs one tensor of the forward pass, and those bits decide which: on the CPU
// s, from which y is made again where it is needed; on a GPU y itself, from which nothing has to be made again. Callers
// don't look into it: it is `kept`, and post_norm_output gives y.
//
// Tensors: [rows, width], contiguous, all of one dtype: float32, bfloat16 or float64 (on a GPU float32 or bfloat16);
// rstd: [rows], float32 (float64 for float64). On the CPU the sum s is rounded to the dtype, as the composition does;
// on a GPU it is not rounded.
//
// columns: how the rows lie in the composition's memory. 0: each row is contiguous there. Otherwise the composition
// normalises along a dimension whose neighbours are `columns` apart, and row r here is column r % columns there; it
// matters for the order of the sums only, and so on the CPU only.
//
// Rows are independent: results are the same for every number of threads. Outputs: a defined one is written in place,
// an undefined one is allocated. Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

// Returns y. kept: the residual, which is overwritten by what the backward pass needs; y may share its memory, so
// neither may be written to while the other is needed.
[[nodiscard]] at::Tensor post_norm_forward_(const at::Tensor& x, at::Tensor& kept, double eps, int64_t columns,
                                            at::Tensor& rstd);

// y once more; it may share the memory of kept.
[[nodiscard]] at::Tensor post_norm_output(const at::Tensor& kept, const at::Tensor& rstd);

// dy is dy_first + dy_second, added in the same pass; dy_second may be undefined (nothing). ds may be dy_first.
void post_norm_backward(const at::Tensor& dy_first, const at::Tensor& dy_second, const at::Tensor& kept,
                        const at::Tensor& rstd, int64_t columns, at::Tensor& ds);

}  // namespace tern::kernels
