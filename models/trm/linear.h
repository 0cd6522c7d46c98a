// A bias-free projection whose weight gradient is accumulated straight into weight.grad() by a matrix product with
// beta = 1, instead of through autograd: TRM uses every weight (L_cycles + 1) times per step, and each use would
// otherwise cost a temporary and an addition over the whole weight.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::trm {

// Legend: N rows, I in_features, O out_features.
struct Linear {
  at::Tensor weight;  // [O, I], float32; its .grad, where defined, receives the gradient
  at::Tensor cast;    // weight in the forward dtype; the same tensor where that is float32. See refresh_cast.

  // Takes up the weight's present values; call once before the forward passes of a step.
  void refresh_cast(at::ScalarType dtype);

  // out[N, O] = x[N, I] weight^T; out is allocated.
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) const;

  // dx[N, I] = dy[N, O] weight, allocated.
  [[nodiscard]] at::Tensor backward_input(const at::Tensor& dy) const;

  // dx += dy weight, in place.
  void add_backward_input(at::Tensor& dx, const at::Tensor& dy) const;

  // weight.grad() += dy^T x; does nothing for a frozen weight (no gradient buffer).
  void accumulate_weight_grad(const at::Tensor& dy, const at::Tensor& x) const;
};

}  // namespace tern::trm
