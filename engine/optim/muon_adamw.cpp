#include "engine/optim/muon_adamw.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "engine/optim/adamw_rows.h"
#include "engine/optim/optimizer.h"
#include "kernels/adamw/adamw.h"

namespace tern {

namespace {

// Rows of an AdamW parameter that a rank updates.
Slice adamw_slice(const at::Tensor& parameter, Shard shard) {
  if (parameter.numel() < MuonAdamW::kSmallest) return {0, parameter.size(0)};
  return owned_slice(parameter.size(0), shard);
}

at::Tensor gradient(const at::Tensor& parameter) {
  return parameter.grad().defined() ? kernels::dense_gradient(parameter.grad()) : at::zeros_like(parameter.detach());
}

at::Tensor scaled(const at::Tensor& gradient, double factor) {
  return factor == 1 ? gradient : gradient.mul(factor);
}

at::Tensor rows(const at::Tensor& tensor, Slice slice) {
  return tensor.detach().narrow(0, slice.first, slice.count);
}

kernels::RowGradients row_gradients(const at::Tensor& parameter, Slice slice, double factor) {
  kernels::RowGradients gradient = kernels::row_gradients(parameter.grad()).narrow(slice.first, slice.count);
  gradient.values = scaled(gradient.values, factor);
  return gradient;
}

at::Tensor stack_gradients(const TensorList& parameters, Slice slice) {
  std::vector<at::Tensor> gradients;
  for (int64_t i = 0; i < slice.count; ++i) {
    gradients.push_back(gradient(parameters[static_cast<size_t>(slice.first + i)].second));
  }
  return at::stack(gradients);
}

at::Tensor stack_values(const TensorList& parameters, Slice slice) {
  std::vector<at::Tensor> values;
  for (int64_t i = 0; i < slice.count; ++i) {
    values.push_back(parameters[static_cast<size_t>(slice.first + i)].second.detach());
  }
  return at::stack(values);
}

void check_matrices(const TensorList& parameters) {
  for (const auto& [name, tensor] : parameters) {
    if (tensor.dim() == 2) continue;
    throw Error(ErrorKind::usage,
                "Muon updates matrices, but " + name + " has " + std::to_string(tensor.dim()) + " dimensions", "",
                "put it into an AdamW group");
  }
}

}  // namespace

MuonAdamW::MuonAdamW(const std::vector<AdamWGroup>& adamw_groups, const MuonGroup& muon_group, Shard shard)
    : shard_(shard), muon_(muon_group) {
  check_matrices(muon_group.parameters);
  for (const AdamWGroup& group : adamw_groups) add_group(group);
  add_stacks(muon_group);
  muon_.parameters.clear();
}

void MuonAdamW::add_group(const AdamWGroup& group) {
  TERN_CHECK(group.shadows.empty() || group.shadows.size() == group.parameters.size(),
             "a shadow per parameter, or none");
  AdamWState state{.group = group, .slices = {}, .exp_avg = {}, .exp_avg_sq = {}};
  for (const auto& [name, tensor] : group.parameters) {
    parameters_.emplace_back(name, tensor);
    state.slices.push_back(adamw_slice(tensor, shard_));
    state.exp_avg.push_back(at::zeros_like(rows(tensor, state.slices.back())));
    state.exp_avg_sq.push_back(at::zeros_like(rows(tensor, state.slices.back())));
  }
  groups_.push_back(std::move(state));
}

void MuonAdamW::add_stacks(const MuonGroup& group) {
  std::map<std::pair<int64_t, int64_t>, TensorList> by_shape;  // ascending, so the same on every rank
  for (const auto& [name, tensor] : group.parameters) {
    by_shape[{tensor.size(0), tensor.size(1)}].emplace_back(name, tensor);
  }
  for (auto& [shape, parameters] : by_shape) {
    const auto [m, n] = shape;
    Stack stack{.parameters = parameters,
                .name = std::to_string(m) + "x" + std::to_string(n),
                .slice = owned_slice(static_cast<int64_t>(parameters.size()), shard_),
                .momentum = {},
                .second_moment = {}};
    parameters_.insert(parameters_.end(), parameters.begin(), parameters.end());
    if (stack.slice.count > 0) {
      const auto options = parameters[0].second.detach().options();
      stack.momentum = at::zeros({stack.slice.count, m, n}, options);
      if (group.recipe.reduce_variance) {
        stack.second_moment = at::zeros(muon::second_moment_sizes(stack.momentum.sizes()), options);
      }
    }
    stacks_.push_back(std::move(stack));
  }
}

void MuonAdamW::step(const MuonAdamWStep& step, const std::function<void(size_t)>& on_unit) {
  const at::NoGradGuard no_grad;
  ++steps_;
  size_t unit = 0;
  const auto done = [&](size_t count) {
    for (const size_t end = unit + count; unit < end; ++unit) {
      if (on_unit) on_unit(unit);
    }
  };
  for (const AdamWState& state : groups_) {
    step_group(state, step);
    done(state.group.parameters.size());
  }
  for (Stack& stack : stacks_) {
    step_stack(stack, step);
    done(1);
  }
  if (shard_.world_size == 1) return;
  for (const auto& [name, tensor] : parameters_) kernels::mark_changed(tensor);
}

std::vector<ShardedUnit> MuonAdamW::units() const {
  std::vector<ShardedUnit> units;
  for (const AdamWState& state : groups_) {
    for (const auto& [name, tensor] : state.group.parameters) {
      const bool small = tensor.numel() < kSmallest;
      units.push_back({small ? ShardedUnit::Kind::whole : ShardedUnit::Kind::rows, {tensor}});
    }
  }
  for (const Stack& stack : stacks_) {
    units.push_back({ShardedUnit::Kind::stack, {}});
    for (const auto& [name, tensor] : stack.parameters) units.back().tensors.push_back(tensor);
  }
  return units;
}

void MuonAdamW::step_group(const AdamWState& state, const MuonAdamWStep& step) const {
  const AdamWGroup& group = state.group;
  // A shadow needs the whole parameter; of a sharded one it is made anew when it is read.
  const kernels::ShadowWeights shadows = shard_.world_size == 1 ? group.shadows : kernels::ShadowWeights{};
  const kernels::AdamOptions options = {.lr = group.lr * step.lr_multiplier,
                                        .beta1 = group.beta1,
                                        .beta2 = group.beta2,
                                        .weight_decay = group.weight_decay,
                                        .step = steps_};
  std::vector<kernels::AdamTensor> tensors;
  std::vector<size_t> shadowed;
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    const Slice slice = state.slices[i];
    if (slice.count == 0) continue;
    const at::Tensor& parameter = group.parameters[i].second;
    kernels::AdamTensor tensor{.param = rows(parameter, slice),
                               .grad = {},
                               .exp_avg = state.exp_avg[i],
                               .exp_avg_sq = state.exp_avg_sq[i],
                               .shadow = kernels::shadow_buffer(shadows, i)};
    if (tensor.shadow.defined()) shadowed.push_back(i);
    if (kernels::is_row_gradients(parameter.grad())) {
      adamw_step_rows(tensor, row_gradients(parameter, slice, step.grad_scale), options, group.eps);
    } else {
      tensor.grad = scaled(rows(gradient(parameter), slice), step.grad_scale);
      tensors.push_back(std::move(tensor));
    }
  }
  kernels::adamw_step(tensors, options, group.eps);
  for (const size_t i : shadowed) shadows[i]->written(group.parameters[i].second);
}

// The order of the steps is muon.h's.
void MuonAdamW::step_stack(Stack& stack, const MuonAdamWStep& step) const {
  if (stack.slice.count == 0) return;
  const muon::Recipe& recipe = muon_.recipe;
  at::Tensor update = muon::momentum(scaled(stack_gradients(stack.parameters, stack.slice), step.grad_scale),
                                     stack.momentum, step.muon_momentum);
  const at::ScalarType dtype = update.scalar_type();
  if (recipe.bfloat16) update = update.to(at::kBFloat16);
  if (recipe.equilibrate) update = muon::equilibrate(update);
  update = recipe.orthogonalization == muon::Orthogonalization::polar_express
               ? muon::polar_express(update, recipe.iterations)
               : muon::newton_schulz(update, recipe.iterations);
  update = update.to(dtype);
  if (recipe.renormalize) update = muon::renormalize(update);
  if (recipe.reduce_variance) update = muon::reduce_variance(update, stack.second_moment, muon_.beta2);

  at::Tensor values = stack_values(stack.parameters, stack.slice);
  const double lr = muon_.lr * step.lr_multiplier * muon::shape_factor(values.size(1), values.size(2));
  muon::apply(values, update, lr, step.muon_weight_decay);
  for (int64_t i = 0; i < stack.slice.count; ++i) {
    stack.parameters[static_cast<size_t>(stack.slice.first + i)].second.detach().copy_(values.select(0, i));
  }
}

void MuonAdamW::zero_grad() {
  for (auto& [name, tensor] : parameters_) tensor.mutable_grad().reset();
}

double MuonAdamW::grad_norm() const {
  std::vector<at::Tensor> norms;
  for (const auto& [name, tensor] : parameters_) {
    if (tensor.grad().defined()) norms.push_back(kernels::gradient_norm(tensor.grad()));
  }
  double sum = 0;
  if (!norms.empty()) {
    const at::Tensor all = at::stack(norms).to(at::device(at::kCPU).dtype(at::kDouble));  // waits once for a device
    for (int64_t i = 0; i < all.numel(); ++i) sum += std::pow(all.const_data_ptr<double>()[i], 2);
  }
  return std::sqrt(sum);
}

void MuonAdamW::scale_gradients(double factor) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : parameters_) {
    const at::Tensor& grad = tensor.grad();
    if (!grad.defined()) continue;
    const at::Tensor values = kernels::is_row_gradients(grad) ? kernels::row_gradients(grad).values : grad;
    values.mul_(factor);
  }
}

TensorList MuonAdamW::state() const {
  TensorList state;
  for (const AdamWState& part : groups_) {
    for (size_t i = 0; i < part.group.parameters.size(); ++i) {
      const std::string& name = part.group.parameters[i].first;
      state.emplace_back("exp_avg." + name, part.exp_avg[i]);
      state.emplace_back("exp_avg_sq." + name, part.exp_avg_sq[i]);
    }
  }
  for (const Stack& stack : stacks_) {
    if (stack.momentum.defined()) state.emplace_back("momentum_buffer." + stack.name, stack.momentum);
    if (stack.second_moment.defined()) {
      state.emplace_back("second_momentum_buffer." + stack.name, stack.second_moment);
    }
  }
  return state;
}

namespace {

// The parts of a tensor, cut along its first dimension into `items`, laid one after the other.
at::Tensor join_parts(const std::vector<TensorList>& ranks, const std::string& name, int64_t items) {
  std::vector<at::Tensor> parts;
  for (const TensorList& rank : ranks) {
    const auto found = std::ranges::find(rank, name, &TensorList::value_type::first);
    if (found != rank.end()) parts.push_back(found->second);
  }
  int64_t sum = 0;
  for (const at::Tensor& part : parts) sum += part.dim() > 0 ? part.size(0) : 0;
  if (sum == items) return at::cat(parts);
  throw Error(ErrorKind::checkpoint,
              "the ranks' parts of " + name + " make up " + std::to_string(sum) + " of " + std::to_string(items),
              "optimizer state", "use a whole checkpoint of the same configuration");
}

}  // namespace

TensorList MuonAdamW::reshard(const std::vector<TensorList>& ranks) const {
  TensorList own;
  const auto take = [&](const std::string& name, int64_t items, Slice slice) {
    own.emplace_back(name, join_parts(ranks, name, items).narrow(0, slice.first, slice.count));
  };
  for (const AdamWState& part : groups_) {
    for (size_t i = 0; i < part.group.parameters.size(); ++i) {
      const auto& [name, tensor] = part.group.parameters[i];
      const bool everywhere = tensor.numel() < kSmallest;
      for (const std::string& key : {"exp_avg." + name, "exp_avg_sq." + name}) {
        if (everywhere) {
          own.emplace_back(key, join_parts({ranks[0]}, key, tensor.size(0)));
        } else {
          take(key, tensor.size(0), part.slices[i]);
        }
      }
    }
  }
  for (const Stack& stack : stacks_) {
    const auto items = static_cast<int64_t>(stack.parameters.size());
    if (stack.momentum.defined()) take("momentum_buffer." + stack.name, items, stack.slice);
    if (stack.second_moment.defined()) take("second_momentum_buffer." + stack.name, items, stack.slice);
  }
  return own;
}

std::vector<MuonAdamW::StackNames> MuonAdamW::stacks() const {
  std::vector<StackNames> names;
  for (const Stack& stack : stacks_) {
    names.push_back({.name = stack.name, .members = {}});
    for (const auto& [name, tensor] : stack.parameters) names.back().members.push_back(name);
  }
  return names;
}

std::vector<AdamWGroup> MuonAdamW::adamw_groups() const {
  std::vector<AdamWGroup> groups;
  for (const AdamWState& state : groups_) groups.push_back(state.group);
  return groups;
}

void MuonAdamW::restore(const TensorList& saved_state, int64_t steps) {
  copy_by_name(saved_state, state(), "optimizer state");
  steps_ = steps;
}

}  // namespace tern
