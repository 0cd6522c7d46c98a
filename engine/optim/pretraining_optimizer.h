// MuonAdamW under nanochat's schedules, as the training loop takes an optimizer.
#pragma once

#include "engine/optim/muon_adamw.h"
#include "engine/optim/optimizer.h"
#include "engine/optim/pretraining_schedule.h"

namespace tern {

class PretrainingOptimizer : public Optimizer {
 public:
  PretrainingOptimizer(MuonAdamW optimizer, const PretrainingSchedule& schedule)
      : optimizer_(std::move(optimizer)), schedule_(schedule) {}

  // lr: a factor on all learning rates beside the schedule's; 1 leaves them as they are.
  void step(double lr) override;
  // The learning rate of the matrices in the step just taken.
  [[nodiscard]] double rate(double lr) const override;
  void zero_grad() override { optimizer_.zero_grad(); }
  [[nodiscard]] double grad_norm() const override { return optimizer_.grad_norm(); }
  [[nodiscard]] const TensorList& parameters() const override { return optimizer_.parameters(); }
  void update_ema() override {}
  [[nodiscard]] const TensorList& ema() const override { return no_averages_; }
  [[nodiscard]] TensorList state() const override { return optimizer_.state(); }
  [[nodiscard]] int64_t steps() const override { return optimizer_.steps(); }
  void restore(const TensorList& saved_state, const TensorList& saved_ema, int64_t steps) override;

 private:
  MuonAdamW optimizer_;
  PretrainingSchedule schedule_;
  TensorList no_averages_;
};

}  // namespace tern
