#include <torch/csrc/autograd/custom_function.h>

#include "kernels/swiglu/swiglu.h"

namespace tern::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct SwiGlu : torch::autograd::Function<SwiGlu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    const at::Tensor packed = gate_up.contiguous();
    context->save_for_backward({packed});
    at::Tensor out;
    swiglu_forward(packed, out);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    at::Tensor d_gate_up;
    swiglu_backward(grads[0].contiguous(), context->get_saved_variables()[0], d_gate_up);
    return {d_gate_up};
  }
};

}  // namespace

at::Tensor swiglu(const at::Tensor& gate_up) {
  return SwiGlu::apply(gate_up);
}

}  // namespace tern::kernels
