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
  if (exchange_) exchange_->reduce();
}

double PretrainingOptimizer::grad_norm() const {
  return exchange_ ? exchange_->norm() : optimizer_.grad_norm();
}

// While a part is sent, the next one is computed.
void PretrainingOptimizer::step(double lr) {
  const int64_t step = optimizer_.steps();  // counts from 0, as the schedules do
  const MuonAdamWStep rates = {.lr_multiplier = lr * lr_multiplier(step, schedule_),
                               .muon_momentum = muon_momentum(step, schedule_),
                               .muon_weight_decay = muon_weight_decay(step, schedule_),
                               .grad_scale = schedule_.grad_clip > 0 ? gradient_scale(grad_norm(), schedule_) : 1};
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
