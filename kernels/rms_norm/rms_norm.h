// RMS normalisation without parameters (Zhang and Sennrich 2019), alone or after a residual sum:
//
//   s = x + residual         (s = x without a residual)
//   rstd = 1 / sqrt(mean(s^2 over the last dimension) + eps)
//   y = s * rstd
//
// and its derivative, which needs y and rstd only (s = y / rstd is never stored):
//
//   ds = rstd * (dy - y * mean(dy * y))        dx = dresidual = ds
//
// where dy may come in two parts that are added in the same pass: what follows a norm after a residual sum has itself a
// residual path and another.
//
// Tensors: [..., width], width >= 1, any number of rows, contiguous, all of one dtype: float32, bfloat16 or float64.
// rstd: [...] (one per row), float32, or float64 where the tensors are. Arithmetic is float32 (float64 for float64);
// the sum s is not rounded to bfloat16 before it is normalised.
//
// Outputs: a defined output tensor is written in place, an undefined one is allocated. y may be x or residual itself,
// dx may be dy (or its first part) itself. Rows are independent: results are the same for every number of threads.
// Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

void rms_norm_forward(const at::Tensor& x, double eps, at::Tensor& y, at::Tensor& rstd);

void rms_norm_residual_forward(const at::Tensor& x, const at::Tensor& residual, double eps, at::Tensor& y,
                               at::Tensor& rstd);

void rms_norm_backward(const at::Tensor& dy, const at::Tensor& y, const at::Tensor& rstd, at::Tensor& dx);

// dy is dy_first + dy_second; dy_second may be undefined (nothing).
void rms_norm_residual_backward(const at::Tensor& dy_first, const at::Tensor& dy_second, const at::Tensor& y,
                                const at::Tensor& rstd, at::Tensor& ds);

// With autograd. Inputs need not be contiguous (they are copied if not).
[[nodiscard]] at::Tensor rms_norm(const at::Tensor& x, double eps);
[[nodiscard]] at::Tensor rms_norm_residual(const at::Tensor& x, const at::Tensor& residual, double eps);

}  // namespace tern::kernels
