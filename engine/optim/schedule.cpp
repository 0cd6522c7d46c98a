#include "engine/optim/schedule.h"

#include <algorithm>
#include <cmath>

namespace tern {

double cosine_lr(double base_lr, int64_t step, const CosineSchedule& schedule) {
  const auto warmup = static_cast<int64_t>(std::nearbyint(schedule.warmup_steps));
  if (step < warmup) return base_lr * static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, warmup));
  const double progress =
      static_cast<double>(step - warmup) / static_cast<double>(std::max<int64_t>(1, schedule.total_steps - warmup));
  const double cosine = 0.5 * (1.0 + std::cos(M_PI * progress));
  return base_lr * (schedule.min_ratio + std::max(0.0, (1 - schedule.min_ratio) * cosine));
}

}  // namespace tern
