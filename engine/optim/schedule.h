// Learning-rate schedules: pure functions of the step.
#pragma once

#include <cstdint>

namespace tern {

struct CosineSchedule {
  double warmup_steps = 0;  // linear from 0; rounded to a whole number, half to even, as upstream
  int64_t total_steps = 1;
  double min_ratio = 1.0;  // final rate / base rate; 1: constant after the warm-up
};

// Rate of step `step`, counted from 1 in the first step (so the first warm-up step has base_lr / warmup_steps).
[[nodiscard]] double cosine_lr(double base_lr, int64_t step, const CosineSchedule& schedule);

}  // namespace tern
