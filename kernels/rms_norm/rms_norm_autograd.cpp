#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "kernels/rms_norm/rms_norm.h"

namespace tern::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const std::optional<at::Tensor>& residual,
                            double eps) {
    at::Tensor y, rstd;
    if (residual) {
      rms_norm_residual_forward(x.contiguous(), residual->contiguous(), eps, y, rstd);
    } else {
      rms_norm_forward(x.contiguous(), eps, y, rstd);
    }
    context->save_for_backward({y, rstd});
    context->saved_data["has_residual"] = residual.has_value();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    at::Tensor dx;
    rms_norm_backward(grads[0].contiguous(), saved[0], saved[1], dx);
    return {dx, context->saved_data["has_residual"].toBool() ? dx : at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, double eps) {
  return RmsNorm::apply(x, std::nullopt, eps);
}

at::Tensor rms_norm_residual(const at::Tensor& x, const at::Tensor& residual, double eps) {
  return RmsNorm::apply(x, std::optional(residual), eps);
}

}  // namespace tern::kernels
