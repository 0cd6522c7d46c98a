// Squared ReLU (So et al. 2021): out = max(x, 0)^2, dx = dout * 2 * max(x, 0).
//
// Tensors: any shape, contiguous, all of one dtype: float32, bfloat16 or float64. Arithmetic is float32 (float64 for
// float64), rounded once. A NaN in x comes out as NaN.
//
// Outputs: a defined output tensor is written in place, an undefined one is allocated. out may be x itself, dx may be
// dout or x itself. Results are the same for every number of threads.
// Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

void relu_squared_forward(const at::Tensor& x, at::Tensor& out);

void relu_squared_backward(const at::Tensor& dout, const at::Tensor& x, at::Tensor& dx);

// With autograd. The input need not be contiguous (it is copied if not).
[[nodiscard]] at::Tensor relu_squared(const at::Tensor& x);

// relu_squared(x) weight^T, with autograd and the bits of the two ops. x: [..., K], weight: [N, K]. On the CPU the
// backward pass computes relu_squared(x) again, so that a layer keeps x alone for it, not twice that.
[[nodiscard]] at::Tensor relu_squared_linear(const at::Tensor& x, const at::Tensor& weight);

}  // namespace tern::kernels
