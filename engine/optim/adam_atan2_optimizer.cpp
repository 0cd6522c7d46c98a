#include "engine/optim/adam_atan2_optimizer.h"

#include <cmath>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include "base/error.h"
#include "kernels/adam_atan2/adam_atan2.h"
#include "kernels/common/adam.h"

namespace tern {

namespace {

TensorList zeros_for(const TensorList& parameters, const std::string& prefix) {
  TensorList out;
  for (const auto& [name, tensor] : parameters) out.emplace_back(prefix + name, at::zeros_like(tensor.detach()));
  return out;
}

}  // namespace

AdamATan2Optimizer::AdamATan2Optimizer(TensorList parameters, const AdamATan2Options& options,
                                       kernels::ShadowWeights shadows)
    : parameters_(std::move(parameters)),
      options_(options),
      shadows_(std::move(shadows)),
      exp_avg_(zeros_for(parameters_, "exp_avg.")),
      exp_avg_sq_(zeros_for(parameters_, "exp_avg_sq.")) {
  TERN_CHECK(shadows_.empty() || shadows_.size() == parameters_.size(), "a shadow per parameter, or none");
  if (!options.ema) return;
  for (const auto& [name, tensor] : parameters_) ema_.emplace_back(name, tensor.detach().clone());
}

void AdamATan2Optimizer::step(double lr) {
  const at::NoGradGuard no_grad;
  std::vector<kernels::AdamTensor> tensors;
  tensors.reserve(parameters_.size());
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].second;
    tensors.push_back({.param = parameter.detach(),
                       .grad = parameter.grad(),
                       .exp_avg = exp_avg_[i].second,
                       .exp_avg_sq = exp_avg_sq_[i].second,
                       .ema = ema_.empty() ? at::Tensor() : ema_[i].second,
                       .shadow = kernels::shadow_buffer(shadows_, i)});
  }
  kernels::adam_atan2_step(tensors,
                           {.lr = lr,
                            .beta1 = options_.beta1,
                            .beta2 = options_.beta2,
                            .weight_decay = options_.weight_decay,
                            .step = ++steps_,
                            .ema_decay = options_.ema_decay},
                           options_.fast_atan2 ? kernels::Angle::fast : kernels::Angle::aten);
  for (size_t i = 0; i < shadows_.size(); ++i) {
    if (tensors[i].shadow.defined()) shadows_[i]->written(parameters_[i].second);
  }
}

void AdamATan2Optimizer::zero_grad() {
  for (auto& [name, tensor] : parameters_) {
    if (tensor.grad().defined()) tensor.mutable_grad().zero_();
  }
}

void AdamATan2Optimizer::update_ema() {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < ema_.size(); ++i) ema_[i].second.lerp_(parameters_[i].second, 1 - options_.ema_decay);
}

double AdamATan2Optimizer::grad_norm() const {
  double sum = 0;
  for (const auto& [name, tensor] : parameters_) {
    const auto norm = tensor.grad().norm().item<double>();
    sum += norm * norm;
  }
  return std::sqrt(sum);
}

TensorList AdamATan2Optimizer::state() const {
  TensorList out = exp_avg_;
  out.insert(out.end(), exp_avg_sq_.begin(), exp_avg_sq_.end());
  return out;
}

void AdamATan2Optimizer::restore(const TensorList& saved_state, const TensorList& saved_ema, int64_t steps) {
  copy_by_name(saved_state, state(), "optimizer state");
  if (!saved_ema.empty()) {
    copy_by_name(saved_ema, ema_, "averaged weights");
  } else {
    for (size_t i = 0; i < ema_.size(); ++i) ema_[i].second.copy_(parameters_[i].second.detach());
  }
  steps_ = steps;
}

}  // namespace tern
