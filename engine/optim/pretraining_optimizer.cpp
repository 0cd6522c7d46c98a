#include "engine/optim/pretraining_optimizer.h"

namespace tern {

void PretrainingOptimizer::step(double lr) {
  const int64_t step = optimizer_.steps();  // counts from 0, as the schedules do
  optimizer_.step({.lr_multiplier = lr * lr_multiplier(step, schedule_),
                   .muon_momentum = muon_momentum(step, schedule_),
                   .muon_weight_decay = muon_weight_decay(step, schedule_)});
}

double PretrainingOptimizer::rate(double lr) const {
  return lr * lr_multiplier(optimizer_.steps() - 1, schedule_) * optimizer_.muon_group().lr;
}

void PretrainingOptimizer::restore(const TensorList& saved_state, const TensorList&, int64_t steps) {
  optimizer_.restore(saved_state, steps);
}

}  // namespace tern
