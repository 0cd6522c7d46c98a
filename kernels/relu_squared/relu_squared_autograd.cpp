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

}  // namespace

at::Tensor relu_squared(const at::Tensor& x) {
  return ReluSquared::apply(x);
}

}  // namespace tern::kernels
