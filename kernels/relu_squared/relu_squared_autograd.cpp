#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/relu_squared/relu_squared.h"

namespace tern::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct ReluSquared : torch::autograd::Function<ReluSquared> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input) {
    const at::Tensor x = input.contiguous();
    context->save_for_backward({x});
    at::Tensor out;
    relu_squared_forward(x, out);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    at::Tensor dx;
    relu_squared_backward(grads[0].contiguous(), context->get_saved_variables()[0], dx);
    return {dx};
  }
};

// The products of the backward pass are those of at::linear's.
struct ReluSquaredLinear : torch::autograd::Function<ReluSquaredLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight) {
    const at::Tensor x = input.contiguous();
    context->save_for_backward({x, weight});
    at::Tensor activated;
    relu_squared_forward(x, activated);
    return at::linear(activated, weight);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor dout = grads[0].reshape({-1, weight.size(0)});
    at::Tensor activated;
    relu_squared_forward(x, activated);
    const at::Tensor d_weight = at::mm(dout.t(), activated.view({-1, weight.size(1)}));
    at::Tensor dx = at::mm(dout, weight).view(x.sizes());
    relu_squared_backward(dx, x, dx);
    return {dx, d_weight};
  }
};

}  // namespace

at::Tensor relu_squared(const at::Tensor& x) {
  return ReluSquared::apply(x);
}

at::Tensor relu_squared_linear(const at::Tensor& x, const at::Tensor& weight) {
  return x.is_cpu() ? ReluSquaredLinear::apply(x, weight) : at::linear(relu_squared(x), weight);
}

}  // namespace tern::kernels
