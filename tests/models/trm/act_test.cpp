// Halting: who takes a new puzzle when, with Q and exploration made to say what each test needs.
#include "models/trm/act.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/support/tensors.h"

namespace tern::test {
namespace {

constexpr int64_t kBatch = 64, kCells = 4, kMaxSteps = 5;

trm::TrmConfig config(double exploration) {
  trm::TrmConfig config;
  config.batch_size = kBatch;
  config.seq_len = kCells;
  config.vocab_size = 6;
  config.num_puzzle_identifiers = 1000;
  config.H_cycles = 1;
  config.L_cycles = 1;
  config.L_layers = 1;
  config.hidden_size = 8;
  config.num_heads = 2;
  config.forward_dtype = "float32";
  config.puzzle_emb_ndim = 8;
  config.puzzle_emb_len = 1;
  config.halt_max_steps = kMaxSteps;
  config.halt_exploration_prob = exploration;
  return config;
}

// A batch whose puzzle identifiers say from which step it came.
trm::PuzzleBatch batch_of(int64_t step) {
  return {at::full({kBatch, kCells}, step % 6, at::kInt), at::full({kBatch, kCells}, step % 6, at::kInt),
          at::full({kBatch}, step, at::kInt)};
}

struct Slots {
  at::Generator generator;
  trm::Trm model;
  std::optional<trm::Carry> carry;

  Slots(const trm::TrmConfig& config, double q_halt, double q_continue, uint64_t seed = 7)
      : generator(at::detail::createCPUGenerator(seed)), model(config, generator) {
    const at::NoGradGuard no_grad;
    for (const auto& [name, tensor] : model.parameters()) {
      if (name != "model.inner.q_head.bias") continue;  // the head's weight is zero: Q is its bias
      tensor[0].fill_(q_halt);
      tensor[1].fill_(q_continue);
    }
  }

  // The carry after step number `step`.
  const trm::Carry& step(int64_t step) {
    const trm::PuzzleBatch batch = batch_of(step);
    if (!carry) carry = trm::initial_carry(model, batch);
    carry = trm::act_train_step(model, *carry, batch, generator).carry;
    return *carry;
  }
};

bool every(const at::Tensor& flags) {
  return flags.all().item<bool>();
}

TEST(Act, WithoutAHaltEverySlotWorksToTheLastStepAndThenTakesTheNextPuzzle) {
  Slots slots(config(0), -5, 0);
  for (int64_t step = 1; step <= 2 * kMaxSteps; ++step) {
    const auto& carry = slots.step(step);
    const int64_t on_puzzle = (step - 1) % kMaxSteps + 1;
    EXPECT_TRUE(every(carry.steps == on_puzzle)) << step;
    EXPECT_TRUE(every(carry.halted == (on_puzzle == kMaxSteps))) << step;
    EXPECT_TRUE(every(carry.data.puzzle_identifiers == (step <= kMaxSteps ? 1 : kMaxSteps + 1))) << step;
    EXPECT_TRUE(every(carry.data.inputs == (step <= kMaxSteps ? 1 : kMaxSteps + 1) % 6)) << step;
  }
}

TEST(Act, AWishToHaltIsGrantedAtOnceWithoutExploration) {
  Slots slots(config(0), 1, 9);  // no_ACT_continue: q_continue doesn't count
  for (int64_t step = 1; step <= 3; ++step) {
    const auto& carry = slots.step(step);
    EXPECT_TRUE(every(carry.halted));
    EXPECT_TRUE(every(carry.steps == 1));
    EXPECT_TRUE(every(carry.data.puzzle_identifiers == step));
  }
}

TEST(Act, WithAContinueHeadTheLargerOfTheTwoDecides) {
  trm::TrmConfig with_continue = config(0);
  with_continue.no_ACT_continue = false;
  EXPECT_TRUE(every(Slots(with_continue, 1, 0.5).step(1).halted));
  EXPECT_FALSE(Slots(with_continue, 1, 1.5).step(1).halted.any().item<bool>());
}

// Whoever explores draws a number of steps in [2, max] anew in every step, and may not halt before it.
TEST(Act, FullExplorationNeverHaltsInTheFirstStepAndAlwaysInTheLast) {
  Slots slots(config(1), 1, 0);
  EXPECT_FALSE(slots.step(1).halted.any().item<bool>());
  for (int64_t step = 2; step <= 12; ++step) {
    const auto& carry = slots.step(step);
    EXPECT_TRUE(every(carry.steps <= kMaxSteps)) << step;
    EXPECT_TRUE(every(carry.halted.logical_or(carry.steps < kMaxSteps))) << step;
    EXPECT_TRUE(every((carry.steps >= 2).logical_or(carry.halted.logical_not()))) << step;
  }
}

TEST(Act, FullExplorationDrawsEveryNumberOfStepsEquallyOften) {
  Slots slots(config(1), 1, 0);
  int64_t halted = 0;
  constexpr int64_t rounds = 40;
  for (int64_t round = 0; round < rounds; ++round) {
    slots.carry.reset();
    slots.step(1);
    halted += slots.step(2).halted.sum().item<int64_t>();
  }
  // Of 2, 3, 4 and 5 the number 2 alone lets a slot halt: a quarter of 2560, standard deviation 22.
  EXPECT_NEAR(static_cast<double>(halted), 640, 110);
}

TEST(Act, PartialExplorationHoldsThatShareBack) {
  Slots slots(config(0.25), 1, 0);
  int64_t held = 0;
  constexpr int64_t rounds = 40;
  for (int64_t round = 0; round < rounds; ++round) {
    slots.carry.reset();
    held += slots.step(1).halted.logical_not().sum().item<int64_t>();
  }
  EXPECT_NEAR(static_cast<double>(held), 640, 110);  // a quarter of 2560, standard deviation 22
}

TEST(Act, EqualGeneratorsDrawEqually) {
  Slots one(config(0.5), 1, 0, 3), two(config(0.5), 1, 0, 3), other(config(0.5), 1, 0, 4);
  const at::Tensor halted = one.step(1).halted;
  EXPECT_TRUE(same(two.step(1).halted, halted));
  EXPECT_FALSE(other.step(1).halted.equal(halted));
}

TEST(Act, ASlotThatGoesOnKeepsItsLatentsAndTheOthersStartAnew) {
  Slots slots(config(0.5), 1, 0);
  const trm::Carry before = slots.step(1);
  const trm::Latents start = slots.model.reset_latents(before.halted, before.latents);
  const at::Tensor going_on = before.halted.logical_not();
  ASSERT_TRUE(going_on.any().item<bool>() && before.halted.any().item<bool>());
  for (int64_t slot = 0; slot < kBatch; ++slot) {
    const bool kept = start.z_H[slot].equal(before.latents.z_H[slot]);
    EXPECT_EQ(kept, going_on[slot].item<bool>()) << slot;
  }
  const auto& after = slots.step(2);
  EXPECT_TRUE(every((after.data.puzzle_identifiers == 1) == going_on));
}

TEST(Act, EvaluationIgnoresQ) {
  Slots slots(config(0), 9, 0);
  const auto result = trm::act_evaluate(slots.model, batch_of(3));
  EXPECT_TRUE(every(result.carry.steps == kMaxSteps));
  EXPECT_TRUE(every(result.carry.halted));
}

}  // namespace
}  // namespace tern::test
