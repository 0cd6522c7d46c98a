#include "engine/optim/pretraining_optimizer.h"

namespace tern {

PretrainingOptimizer::PretrainingOptimizer(MuonAdamW optimizer, const PretrainingSchedule& schedule,
                                           ProcessGroup* group)
    : optimizer_(std::move(optimizer)), schedule_(schedule) {
  if (group != nullptr && !group->is_alone()) {
    exchange_ = std::make_unique<GradientExchange>(*group, optimizer_.units());
  }
}

void PretrainingOptimizer::reduce_gradients() {
  if (!exchange_) return;
  if (clips_before_mean()) optimizer_.scale_gradients(gradient_scale(optimizer_.grad_norm(), schedule_));
  exchange_->reduce();
}

double PretrainingOptimizer::grad_norm() const {
  return exchange_ ? exchange_->norm() : optimizer_.grad_norm();
}

// One process has only one mean, its own gradients, and clips them in its step.
bool PretrainingOptimizer::clips_before_mean() const {
  return exchange_ && schedule_.clip_before_mean && schedule_.grad_clip > 0;
}

// While a part is sent, the next one is computed.
void PretrainingOptimizer::step(double lr) {
  const int64_t step = optimizer_.steps();  // counts from 0, as the schedules do
  const bool clips_in_step = schedule_.grad_clip > 0 && !clips_before_mean();
  const MuonAdamWStep rates = {.lr_multiplier = lr * lr_multiplier(step, schedule_),
                               .muon_momentum = muon_momentum(step, schedule_),
                               .muon_weight_decay = muon_weight_decay(step, schedule_),
                               .grad_scale = clips_in_step ? gradient_scale(grad_norm(), schedule_) : 1};
  if (!exchange_) {
    optimizer_.step(rates);
    return;
  }
  optimizer_.step(rates, [this](size_t unit) { exchange_->begin_gather(unit); });
  exchange_->finish_gathers();
}

double PretrainingOptimizer::rate(double lr) const {
  return lr * lr_multiplier(optimizer_.steps() - 1, schedule_) * optimizer_.muon_group().lr;
}

void PretrainingOptimizer::restore(const TensorList& saved_state, const TensorList&, int64_t steps) {
  optimizer_.restore(saved_state, steps);
}

}  // namespace tern
