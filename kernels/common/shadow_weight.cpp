#include "kernels/common/shadow_weight.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

namespace tern::kernels {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct ReadShadow : torch::autograd::Function<ReadShadow> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight, const ShadowWeight* shadow) {
    context->saved_data["dtype"] = weight.scalar_type();
    return shadow->value().detach();
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    return {grads[0].to(context->saved_data["dtype"].toScalarType()), at::Tensor()};
  }
};

}  // namespace

void mark_changed(const at::Tensor& tensor) {
  tensor.unsafeGetTensorImpl()->bump_version();
}

void ShadowWeight::refresh(const at::Tensor& weight) {
  const at::NoGradGuard no_grad;
  if (weight.scalar_type() == dtype_) {
    value_ = weight.detach();
    return;
  }
  if (is_fresh(weight)) return;
  if (is_shared() || value_.sizes() != weight.sizes()) {
    value_ = weight.detach().to(dtype_);
  } else {
    value_.copy_(weight);
  }
  note(weight);
}

at::Tensor ShadowWeight::buffer() {
  if (!value_.defined() || dtype_ != at::kBFloat16) return {};
  if (is_shared()) value_ = at::empty_like(value_);
  return value_;
}

void ShadowWeight::written(const at::Tensor& weight) {
  note(weight);
}

bool ShadowWeight::is_fresh(const at::Tensor& weight) const {
  return value_.defined() && source_.is_alias_of(weight.storage()) && version_ == weight._version();
}

// Also before there is one.
bool ShadowWeight::is_shared() const {
  return !value_.defined() || value_.use_count() > 1 || value_.storage().use_count() > 1;
}

void ShadowWeight::note(const at::Tensor& weight) {
  source_ = weight.storage();
  version_ = weight._version();
}

at::Tensor shadow_buffer(const ShadowWeights& shadows, size_t index) {
  return shadows.empty() || !shadows[index] ? at::Tensor() : shadows[index]->buffer();
}

at::Tensor ShadowedWeight::read() const {
  if (!shadow) return weight;
  shadow->refresh(weight);
  if (weight.scalar_type() == shadow->value().scalar_type()) return weight;
  if (!at::GradMode::is_enabled() || !weight.requires_grad()) return shadow->value().detach();
  return ReadShadow::apply(weight, shadow.get());
}

}  // namespace tern::kernels
