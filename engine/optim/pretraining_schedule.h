// What changes from step to step in language-model pretraining, as nanochat does it: pure functions of the step, which
// counts from 0.
#pragma once

#include <cstdint>

namespace tern {

struct PretrainingSchedule {
  int64_t num_iterations = 1;

  // Learning rates: linear up from lr / warmup_steps, constant, linear down to final_lr_frac over the last
  // warmdown_ratio of the iterations.
  int64_t warmup_steps = 40;
  double warmdown_ratio = 0.65;
  double final_lr_frac = 0.05;

  // Muon's momentum: linear from the first value to the second over momentum_steps, then constant, then, with the
  // learning rate's warm-down, linear to the last.
  double momentum_begin = 0.85;
  double momentum_peak = 0.97;
  double momentum_end = 0.90;
  int64_t momentum_steps = 400;

  // Muon's weight decay: a cosine from this value to zero.
  double weight_decay = 0;

  // All gradients together are scaled down to this norm (Pascanu et al. 2013, arXiv 1211.5063); 0: they stay as they
  // are.
  double grad_clip = 0;
  // With several processes, each scales down its own gradients before they are averaged, instead of all of them the
  // average: nanochat's first release.
  bool clip_before_mean = false;
};

// Iterations of the warm-down; a half is rounded to even, as Python does.
[[nodiscard]] int64_t warmdown_iterations(const PretrainingSchedule& schedule);

[[nodiscard]] double lr_multiplier(int64_t step, const PretrainingSchedule& schedule);
[[nodiscard]] double muon_momentum(int64_t step, const PretrainingSchedule& schedule);
[[nodiscard]] double muon_weight_decay(int64_t step, const PretrainingSchedule& schedule);

// Factor on gradients of this norm, at most 1, as torch.nn.utils.clip_grad_norm_ has it.
[[nodiscard]] double gradient_scale(double norm, const PretrainingSchedule& schedule);

}  // namespace tern
