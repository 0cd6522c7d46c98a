// MuonAdamW under nanochat's schedules, as the training loop takes an optimizer; its work and its state are shared out
// over the processes of a job.
#pragma once

#include <memory>
#include <utility>

#include "engine/distributed/process_group.h"
#include "engine/optim/gradient_exchange.h"
#include "engine/optim/muon_adamw.h"
#include "engine/optim/optimizer.h"
#include "engine/optim/pretraining_schedule.h"

namespace tern {

class PretrainingOptimizer : public Optimizer {
 public:
  // optimizer: with the shard of this rank. group, if there are several processes, must outlive this.
  PretrainingOptimizer(MuonAdamW optimizer, const PretrainingSchedule& schedule, ProcessGroup* group = nullptr);

  void reduce_gradients() override;

  // lr: a factor on all learning rates beside the schedule's; 1 leaves them as they are.
  void step(double lr) override;
  // The learning rate of the matrices in the step just taken.
  [[nodiscard]] double rate(double lr) const override;
  void zero_grad() override { optimizer_.zero_grad(); }
  [[nodiscard]] double grad_norm() const override;
  [[nodiscard]] const TensorList& parameters() const override { return optimizer_.parameters(); }
  void update_ema() override {}
  [[nodiscard]] const TensorList& ema() const override { return no_averages_; }
  [[nodiscard]] TensorList state() const override { return optimizer_.state(); }
  [[nodiscard]] int64_t steps() const override { return optimizer_.steps(); }
  [[nodiscard]] TensorList reshard(const std::vector<TensorList>& ranks) const override {
    return optimizer_.reshard(ranks);
  }
  void restore(const TensorList& saved_state, const TensorList& saved_ema, int64_t steps) override;

 private:
  [[nodiscard]] bool clips_before_mean() const;

  MuonAdamW optimizer_;
  PretrainingSchedule schedule_;
  std::unique_ptr<GradientExchange> exchange_;  // null: one process
  TensorList no_averages_;
};

}  // namespace tern
