// A bias-free projection whose weight gradient is added straight into weight.grad(), not through autograd. Each use's
// product is computed apart and then added, which is the order of autograd's own sum (a matrix product with beta = 1
// would add block by block), so that gradients have upstream's bits on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "kernels/common/shadow_weight.h"

namespace tern::trm {

// Legend: N rows, I in_features, O out_features.
struct Linear {
  at::Tensor weight;                              // [O, I], float32; its .grad, where defined, receives the gradient
  std::shared_ptr<kernels::ShadowWeight> shadow;  // weight in the forward dtype, which is what the products take

  // Takes up the weight's present values; call once before the forward passes of a step.
  void refresh_shadow() const { shadow->refresh(weight); }

  // out[N, O] = x[N, I] weight^T; out is allocated.
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) const;

  // dx[N, I] = dy[N, O] weight, allocated.
  [[nodiscard]] at::Tensor backward_input(const at::Tensor& dy) const;

  // weight.grad() += dy^T x; does nothing for a frozen weight (no gradient buffer).
  void accumulate_weight_grad(const at::Tensor& dy, const at::Tensor& x) const;
};

}  // namespace tern::trm
