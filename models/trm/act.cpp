#include "models/trm/act.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace tern::trm {

namespace {

at::Tensor take_new(const at::Tensor& halted, const at::Tensor& fresh, const at::Tensor& present) {
  return at::where(fresh.dim() == 2 ? halted.view({-1, 1}) : halted, fresh, present);
}

// Steps that exploration demands: with probability halt_exploration_prob a number in [2, halt_max_steps], else 0.
at::Tensor min_halt_steps(const TrmConfig& config, const Outputs& outputs, const at::Tensor& steps,
                          at::Generator& generator) {
  const int64_t batch = steps.size(0);
  const at::Tensor explore = at::rand({batch}, generator, at::dtype(at::kFloat)) < config.halt_exploration_prob;
  const at::Tensor demanded = at::randint(2, config.halt_max_steps + 1, {batch}, generator, at::dtype(at::kInt));
  return (explore * demanded).to(outputs.q_halt_logits.device());
}

// Bootstrapped target of the continue head (HRM, arXiv 2506.21734, section on ACT): the next step's best Q.
at::Tensor continue_target(Trm& model, const Carry& next, const at::Tensor& is_last_step) {
  Latents latents = next.latents;
  const Outputs ahead = model.forward(latents, next.data.inputs, next.data.puzzle_identifiers, /*training=*/false);
  return at::sigmoid(
      at::where(is_last_step, ahead.q_halt_logits, at::maximum(ahead.q_halt_logits, ahead.q_continue_logits)));
}

}  // namespace

Carry initial_carry(const Trm& model, const PuzzleBatch& batch) {
  const int64_t size = batch.inputs.size(0);
  const auto device = batch.inputs.device();
  Carry carry;
  carry.latents = model.empty_latents(size);
  carry.steps = at::zeros({size}, at::dtype(at::kInt).device(device));
  carry.halted = at::ones({size}, at::dtype(at::kBool).device(device));
  carry.data = {at::zeros_like(batch.inputs), at::zeros_like(batch.labels), at::zeros_like(batch.puzzle_identifiers)};
  return carry;
}

ActStep act_train_step(Trm& model, const Carry& carry, const PuzzleBatch& batch, at::Generator& generator) {
  const TrmConfig& config = model.config();
  ActStep result;
  Carry& next = result.carry;
  next.latents = model.reset_latents(carry.halted, carry.latents);
  next.data = {take_new(carry.halted, batch.inputs, carry.data.inputs),
               take_new(carry.halted, batch.labels, carry.data.labels),
               take_new(carry.halted, batch.puzzle_identifiers, carry.data.puzzle_identifiers)};
  result.outputs = model.forward(next.latents, next.data.inputs, next.data.puzzle_identifiers, /*training=*/true);

  const at::NoGradGuard no_grad;
  const Outputs& outputs = result.outputs;
  next.steps = at::where(carry.halted, at::zeros_like(carry.steps), carry.steps) + 1;
  const at::Tensor is_last_step = next.steps >= config.halt_max_steps;
  next.halted = is_last_step;
  if (config.halt_max_steps > 1) {
    const at::Tensor wants_halt =
        config.no_ACT_continue ? outputs.q_halt_logits > 0 : outputs.q_halt_logits > outputs.q_continue_logits;
    next.halted = (is_last_step | wants_halt) & (next.steps >= min_halt_steps(config, outputs, next.steps, generator));
    if (!config.no_ACT_continue) result.outputs.target_q_continue = continue_target(model, next, is_last_step);
  }
  return result;
}

ActStep act_evaluate(Trm& model, const PuzzleBatch& batch) {
  const at::NoGradGuard no_grad;
  ActStep result;
  Carry& carry = result.carry;
  carry = initial_carry(model, batch);
  carry.latents = model.reset_latents(carry.halted, carry.latents);
  carry.data = batch;
  const int64_t steps = model.config().halt_max_steps;
  for (int64_t i = 1; i < steps; ++i) model.advance(carry.latents, batch.inputs, batch.puzzle_identifiers);
  result.outputs = model.forward(carry.latents, batch.inputs, batch.puzzle_identifiers, /*training=*/false);
  carry.steps.fill_(steps);
  return result;
}

}  // namespace tern::trm
