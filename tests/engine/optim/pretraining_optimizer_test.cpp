#include "engine/optim/pretraining_optimizer.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/tensors.h"

namespace tern::test {
namespace {

constexpr PretrainingSchedule kSchedule{.num_iterations = 6, .warmup_steps = 2, .weight_decay = 0.2};

struct Model {
  TensorList scalars = {{"scale", randn({3}, 1, at::kFloat).set_requires_grad(true)}};
  TensorList matrices = {{"weight", randn({4, 6}, 2, at::kFloat).set_requires_grad(true)}};

  [[nodiscard]] MuonAdamW optimizer() const {
    return {{{.parameters = scalars, .lr = 0.1}}, {.parameters = matrices, .lr = 0.02, .recipe = {}}};
  }

  void set_gradients(uint64_t seed) const {
    scalars[0].second.mutable_grad() = randn({3}, seed, at::kFloat);
    matrices[0].second.mutable_grad() = randn({4, 6}, seed + 50, at::kFloat);
  }
};

// The schedules count from 0 in the first step, and go on where a restored optimizer stood.
TEST(PretrainingOptimizer, StepsUnderTheSchedulesAlsoAfterARestart) {
  const Model by_hand, scheduled;
  MuonAdamW reference = by_hand.optimizer();
  auto optimizer = std::make_unique<PretrainingOptimizer>(scheduled.optimizer(), kSchedule);
  for (int64_t step = 0; step < 6; ++step) {
    if (step == 3) {
      TensorList saved;
      for (const auto& [name, tensor] : optimizer->state()) saved.emplace_back(name, tensor.clone());
      optimizer = std::make_unique<PretrainingOptimizer>(scheduled.optimizer(), kSchedule);
      optimizer->restore(saved, {}, 3);
    }
    by_hand.set_gradients(static_cast<uint64_t>(step) + 10);
    scheduled.set_gradients(static_cast<uint64_t>(step) + 10);
    reference.step({.lr_multiplier = lr_multiplier(step, kSchedule),
                    .muon_momentum = muon_momentum(step, kSchedule),
                    .muon_weight_decay = muon_weight_decay(step, kSchedule)});
    optimizer->step(1);
    EXPECT_DOUBLE_EQ(optimizer->rate(1), 0.02 * lr_multiplier(step, kSchedule));
    EXPECT_TRUE(same(scheduled.scalars[0].second.detach(), by_hand.scalars[0].second.detach())) << step;
    EXPECT_TRUE(same(scheduled.matrices[0].second.detach(), by_hand.matrices[0].second.detach())) << step;
  }
  EXPECT_EQ(optimizer->steps(), 6);
  EXPECT_TRUE(optimizer->ema().empty());
}

// Clipped to half their norm, gradients act as their halves would.
TEST(PretrainingOptimizer, ClipsTheGradientsOfAllGroupsTogether) {
  const Model halved, clipped;
  halved.set_gradients(1);
  clipped.set_gradients(1);
  PretrainingOptimizer reference(halved.optimizer(), kSchedule);
  PretrainingSchedule schedule = kSchedule;
  schedule.grad_clip = reference.grad_norm() / 2;
  PretrainingOptimizer optimizer(clipped.optimizer(), schedule);
  const double factor = gradient_scale(reference.grad_norm(), schedule);
  EXPECT_NEAR(factor, 0.5, 1e-6);
  for (const TensorList& list : {halved.scalars, halved.matrices}) list[0].second.mutable_grad().mul_(factor);
  reference.step(1);
  optimizer.step(1);
  EXPECT_TRUE(same(clipped.scalars[0].second.detach(), halved.scalars[0].second.detach()));
  EXPECT_TRUE(same(clipped.matrices[0].second.detach(), halved.matrices[0].second.detach()));
  for (size_t i = 0; i < optimizer.state().size(); ++i) {
    EXPECT_TRUE(same(optimizer.state()[i].second, reference.state()[i].second)) << optimizer.state()[i].first;
  }
}

// One process has one gradient: who clips it makes no difference.
TEST(PretrainingOptimizer, AloneClipsTheSameEitherWay) {
  const Model by_mean, by_process;
  PretrainingSchedule schedule = kSchedule;
  schedule.grad_clip = 0.5;
  PretrainingOptimizer reference(by_mean.optimizer(), schedule);
  schedule.clip_before_mean = true;
  PretrainingOptimizer optimizer(by_process.optimizer(), schedule);
  by_mean.set_gradients(1);
  by_process.set_gradients(1);
  optimizer.reduce_gradients();
  reference.reduce_gradients();
  EXPECT_GT(optimizer.grad_norm(), 0.5);
  optimizer.step(1);
  reference.step(1);
  EXPECT_TRUE(same(by_process.scalars[0].second.detach(), by_mean.scalars[0].second.detach()));
  EXPECT_TRUE(same(by_process.matrices[0].second.detach(), by_mean.matrices[0].second.detach()));
}

}  // namespace
}  // namespace tern::test
