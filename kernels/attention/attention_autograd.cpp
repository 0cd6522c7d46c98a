#include <torch/csrc/autograd/custom_function.h>

#include "kernels/attention/attention.h"

namespace tern::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What the backward pass needs besides tensors travels in the context's dictionary.
void save_options(AutogradContext* context, const AttentionOptions& options) {
  auto& saved = context->saved_data;
  saved["num_heads"] = options.layout.num_heads;
  saved["num_kv_heads"] = options.layout.num_kv_heads;
  saved["head_dim"] = options.layout.head_dim;
  saved["causal"] = options.causal;
  saved["window_left"] = options.window_left;
  saved["scale"] = options.scale;
  saved["norm_gain"] = options.norm.gain;
  saved["norm_eps"] = options.norm.eps;
  saved["clockwise"] = options.rope.direction == RopeDirection::clockwise;
  saved["first_position"] = options.rope.first_position;
}

AttentionOptions saved_options(AutogradContext* context, const at::Tensor& cos, const at::Tensor& sin) {
  auto& saved = context->saved_data;
  return {.layout = {saved["num_heads"].toInt(), saved["num_kv_heads"].toInt(), saved["head_dim"].toInt()},
          .causal = saved["causal"].toBool(),
          .window_left = saved["window_left"].toInt(),
          .scale = saved["scale"].toDouble(),
          .rope = {cos, sin, saved["clockwise"].toBool() ? RopeDirection::clockwise : RopeDirection::counter_clockwise,
                   saved["first_position"].toInt()},
          .norm = {saved["norm_gain"].toDouble(), saved["norm_eps"].toDouble()}};
}

struct Attention : torch::autograd::Function<Attention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv, const AttentionOptions& options) {
    // Only rotation and norm write into qkv.
    const bool changes = options.rope.cos.defined() || options.norm.gain != 0;
    at::Tensor rotated = changes ? qkv.clone(at::MemoryFormat::Contiguous) : qkv.contiguous();
    const AttentionForward result = attention_forward_(rotated, options);
    save_options(context, options);
    context->save_for_backward({rotated, result.out, result.lse, result.rstd, options.rope.cos, options.rope.sin});
    return result.out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    at::Tensor d_qkv;
    attention_backward(grads[0].contiguous(), saved[0], {saved[1], saved[2], saved[3]},
                       saved_options(context, saved[4], saved[5]), d_qkv);
    return {d_qkv, at::Tensor()};
  }
};

}  // namespace

at::Tensor attention(const at::Tensor& qkv, const AttentionOptions& options) {
  return Attention::apply(qkv, options);
}

}  // namespace tern::kernels
