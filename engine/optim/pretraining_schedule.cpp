#include "engine/optim/pretraining_schedule.h"

#include <algorithm>
#include <cmath>

namespace tern {

namespace {

double between(double a, double b, double t) {
  return (1 - t) * a + t * b;
}

double ratio(int64_t numerator, int64_t denominator) {
  return static_cast<double>(numerator) / static_cast<double>(denominator);
}

}  // namespace

int64_t warmdown_iterations(const PretrainingSchedule& schedule) {
  return static_cast<int64_t>(std::nearbyint(schedule.warmdown_ratio * static_cast<double>(schedule.num_iterations)));
}

double lr_multiplier(int64_t step, const PretrainingSchedule& schedule) {
  const int64_t warmdown = warmdown_iterations(schedule);
  if (step < schedule.warmup_steps) return ratio(step + 1, schedule.warmup_steps);
  if (step <= schedule.num_iterations - warmdown) return 1;
  return between(schedule.final_lr_frac, 1, ratio(schedule.num_iterations - step, warmdown));
}

double muon_momentum(int64_t step, const PretrainingSchedule& schedule) {
  const int64_t warmdown = warmdown_iterations(schedule);
  const int64_t warmdown_start = schedule.num_iterations - warmdown;
  if (step < schedule.momentum_steps) {
    return between(schedule.momentum_begin, schedule.momentum_peak, ratio(step, schedule.momentum_steps));
  }
  if (step < warmdown_start || warmdown == 0) return schedule.momentum_peak;
  return between(schedule.momentum_peak, schedule.momentum_end, ratio(step - warmdown_start, warmdown));
}

double muon_weight_decay(int64_t step, const PretrainingSchedule& schedule) {
  return schedule.weight_decay * 0.5 * (1 + std::cos(M_PI * ratio(step, schedule.num_iterations)));
}

double gradient_scale(double norm, const PretrainingSchedule& schedule) {
  if (schedule.grad_clip <= 0) return 1;
  return std::min(1.0, schedule.grad_clip / (norm + 1e-6));
}

}  // namespace tern
