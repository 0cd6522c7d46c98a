#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cross_entropy/cross_entropy.h"

namespace tern::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Returns loss, argmax, valid_count, correct_count; only the loss has a gradient.
struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static variable_list forward(AutogradContext* context, const at::Tensor& logits_in, const at::Tensor& labels_in,
                               const CrossEntropyOptions& options) {
    const at::Tensor logits = logits_in.contiguous(), labels = labels_in.contiguous();
    auto& saved = context->saved_data;
    saved["stablemax"] = options.kind == CrossEntropyKind::stablemax;
    saved["ignore_index"] = options.ignore_index;
    saved["softcap"] = options.softcap;
    saved["vocab"] = options.vocab;
    saved["float64_loss"] = options.float64_loss;
    context->save_for_backward({logits, labels});
    const CrossEntropyResult result = cross_entropy_forward(logits, labels, options);
    context->mark_non_differentiable({result.argmax, result.valid_count, result.correct_count});
    return {result.loss, result.argmax, result.valid_count, result.correct_count};
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto tensors = context->get_saved_variables();
    auto& saved = context->saved_data;
    const CrossEntropyOptions options{
        .kind = saved["stablemax"].toBool() ? CrossEntropyKind::stablemax : CrossEntropyKind::softmax,
        .ignore_index = saved["ignore_index"].toInt(),
        .softcap = saved["softcap"].toDouble(),
        .vocab = saved["vocab"].toInt(),
        .float64_loss = saved["float64_loss"].toBool()};
    at::Tensor d_logits;
    cross_entropy_backward(tensors[0], tensors[1], grads[0].contiguous(), options, d_logits);
    return {d_logits, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

CrossEntropyResult cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                 const CrossEntropyOptions& options) {
  const variable_list results = CrossEntropy::apply(logits, labels, options);
  return {.loss = results[0], .argmax = results[1], .valid_count = results[2], .correct_count = results[3]};
}

}  // namespace tern::kernels
