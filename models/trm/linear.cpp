#include "models/trm/linear.h"

#include <ATen/ops/mm.h>

namespace tern::trm {

at::Tensor Linear::forward(const at::Tensor& x) const {
  return at::mm(x, shadow->value().t());
}

at::Tensor Linear::backward_input(const at::Tensor& dy) const {
  return at::mm(dy, shadow->value());
}

void Linear::accumulate_weight_grad(const at::Tensor& dy, const at::Tensor& x) const {
  if (!weight.grad().defined()) return;
  at::Tensor grad = weight.grad();
  grad.add_(at::mm(dy.t(), x));  // each product is rounded to the forward dtype, sums are float32, as upstream
}

}  // namespace tern::trm
