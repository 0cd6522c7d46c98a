// AdamATan2 (arXiv 2407.05872: Adam's quotient replaced by atan2, so that no epsilon is needed) over a list of
// parameters, with their moments and, where wanted, their exponential moving average.
#pragma once

#include <cstdint>

#include "engine/optim/optimizer.h"
#include "kernels/common/shadow_weight.h"

namespace tern {

struct AdamATan2Options {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double weight_decay = 0;
  bool ema = false;
  double ema_decay = 0.999;
  bool fast_atan2 = false;  // kernels::Angle::fast: less time on the CPU, without ATen's bits
};

class AdamATan2Optimizer : public Optimizer {
 public:
  // parameters: float32, contiguous; their gradients are read from .grad(). The averages start as copies of them.
  // shadows: of the parameters, in their order, written in the same pass; empty: none.
  AdamATan2Optimizer(TensorList parameters, const AdamATan2Options& options, kernels::ShadowWeights shadows = {});

  void step(double lr) override;
  void zero_grad() override;
  void update_ema() override;
  [[nodiscard]] double grad_norm() const override;
  [[nodiscard]] const TensorList& parameters() const override { return parameters_; }
  [[nodiscard]] const TensorList& ema() const override { return ema_; }
  // Moments, as exp_avg.NAME and exp_avg_sq.NAME.
  [[nodiscard]] TensorList state() const override;
  [[nodiscard]] int64_t steps() const override { return steps_; }
  void restore(const TensorList& saved_state, const TensorList& saved_ema, int64_t steps) override;

 private:
  TensorList parameters_;
  AdamATan2Options options_;
  kernels::ShadowWeights shadows_;
  TensorList exp_avg_;
  TensorList exp_avg_sq_;
  TensorList ema_;
  int64_t steps_ = 0;
};

}  // namespace tern
