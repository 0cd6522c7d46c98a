// SwiGLU (Shazeer 2020) on the packed projection:
//
//   gate_up = [gate | up], each `inter` wide        out = silu(gate) * up,  silu(g) = g * sigmoid(g)
//
//   d_gate = dout * up * sigmoid(gate) * (1 + gate * (1 - sigmoid(gate)))        d_up = dout * silu(gate)
//
// Tensors: gate_up and d_gate_up [..., 2 * inter]; out and dout [..., inter]; inter >= 1; contiguous; all of one dtype:
// float32, bfloat16 or float64. Arithmetic is float32 (float64 for float64), rounded once.
//
// Outputs: a defined output tensor is written in place, an undefined one is allocated. d_gate_up may be gate_up itself,
// out may be dout itself (in the backward pass). Elements are independent: results are the same for every number of
// threads. Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

void swiglu_forward(const at::Tensor& gate_up, at::Tensor& out);

void swiglu_backward(const at::Tensor& dout, const at::Tensor& gate_up, at::Tensor& d_gate_up);

// The same, and in the same pass the forward result again (for the next layer's weight gradient), so that it need not
// be kept from the forward pass.
void swiglu_backward_recompute(const at::Tensor& dout, const at::Tensor& gate_up, at::Tensor& d_gate_up,
                               at::Tensor& out);

// With autograd. The input need not be contiguous (it is copied if not).
[[nodiscard]] at::Tensor swiglu(const at::Tensor& gate_up);

}  // namespace tern::kernels
