#include <torch/csrc/autograd/custom_function.h>

#include "kernels/rope/rope.h"

namespace tern::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Rope : torch::autograd::Function<Rope> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv, const QkvLayout& layout,
                            const RopeTable& table) {
    context->save_for_backward({table.cos, table.sin});
    auto& saved = context->saved_data;
    saved["num_heads"] = layout.num_heads;
    saved["num_kv_heads"] = layout.num_kv_heads;
    saved["head_dim"] = layout.head_dim;
    saved["first_position"] = table.first_position;
    saved["clockwise"] = table.direction == RopeDirection::clockwise;
    at::Tensor rotated = qkv.clone(at::MemoryFormat::Contiguous);
    rope_qkv_(rotated, layout, table);
    return rotated;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto tables = context->get_saved_variables();
    auto& saved = context->saved_data;
    const QkvLayout layout{saved["num_heads"].toInt(), saved["num_kv_heads"].toInt(), saved["head_dim"].toInt()};
    const auto direction = saved["clockwise"].toBool() ? RopeDirection::clockwise : RopeDirection::counter_clockwise;
    at::Tensor d_qkv = grads[0].clone(at::MemoryFormat::Contiguous);
    rope_qkv_(d_qkv, layout, {tables[0], tables[1], inverse(direction), saved["first_position"].toInt()});
    return {d_qkv, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rope_qkv(const at::Tensor& qkv, const QkvLayout& layout, const RopeTable& table) {
  return Rope::apply(qkv, layout, table);
}

}  // namespace tern::kernels
