#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/linear_cross_entropy/linear_cross_entropy.h"

namespace tern::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor weighted_total(const CrossEntropyResult& rows, const at::Tensor& row_weight) {
  return rows.loss.mul(row_weight).sum();
}

// The gradients, ready for a gradient of 1 of the total, are what is kept. Hands the rows back through `rows`.
struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden, const at::Tensor& weight,
                            const at::Tensor& labels, const at::Tensor& row_weight, const CrossEntropyOptions& options,
                            CrossEntropyResult* rows) {
    at::Tensor d_hidden, d_weight;
    *rows = linear_cross_entropy_forward_backward(hidden, weight, labels, row_weight, options, d_hidden, d_weight);
    context->save_for_backward({d_hidden, d_weight});
    return weighted_total(*rows, row_weight);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    // A factor of 1, the rule for a loss, costs no copy as large as the weights. On a GPU looking at it would cost
    // more.
    const bool is_one = grads[0].is_cpu() && grads[0].item<double>() == 1;
    const auto scaled = [&](const at::Tensor& grad) {
      return is_one ? grad : grad.mul(grads[0].to(grad.scalar_type()));
    };
    return {scaled(saved[0]), scaled(saved[1]), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

LinearCrossEntropyResult linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& weight,
                                              const at::Tensor& labels, const at::Tensor& row_weight,
                                              const CrossEntropyOptions& options) {
  const at::Tensor h = hidden.contiguous(), w = weight.contiguous(), l = labels.contiguous();
  const at::Tensor r = row_weight.contiguous();
  LinearCrossEntropyResult result;
  if (at::GradMode::is_enabled() && (hidden.requires_grad() || weight.requires_grad())) {
    result.total = LinearCrossEntropy::apply(h, w, l, r, options, &result.rows);
  } else {
    result.rows = linear_cross_entropy_forward(h, w, l, options);
    result.total = weighted_total(result.rows, r);
  }
  return result;
}

}  // namespace tern::kernels
