#include "kernels/embedding/embedding.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/common/check.h"
#include "kernels/embedding/row_gradients.h"

namespace tern::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Embedding : torch::autograd::Function<Embedding> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& table, const at::Tensor& ids) {
    context->save_for_backward({ids});
    context->saved_data["rows"] = table.size(0);
    return at::embedding(table, ids);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const at::Tensor ids = context->get_saved_variables()[0];
    return {make_row_gradients(ids, grads[0], context->saved_data["rows"].toInt()), at::Tensor()};
  }
};

}  // namespace

at::Tensor embedding(const at::Tensor& table, const at::Tensor& ids) {
  ArgumentCheck("embedding", "table", table).shape({-1, -1});
  ArgumentCheck("embedding", "ids", ids).device_of("table", table).dtype({at::kLong});
  if (!table.is_cpu() || !at::GradMode::is_enabled() || !table.requires_grad()) return at::embedding(table, ids);
  ArgumentCheck("embedding", "table", table).dtype({at::kFloat, at::kDouble});
  return Embedding::apply(table, ids);
}

}  // namespace tern::kernels
