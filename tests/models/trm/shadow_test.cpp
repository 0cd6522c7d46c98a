// Training and evaluation with bfloat16 shadow weights have the bits of casting the float32 weights in every forward
// pass, whatever happens to the weights in between.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <optional>

#include "engine/optim/adam_atan2_optimizer.h"
#include "models/trm/losses.h"
#include "tests/models/trm/tiny_trm.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

trm::TrmConfig tiny(bool mlp_t) {
  trm::TrmConfig config = tiny_trm("bfloat16", mlp_t);
  config.L_layers = 2;
  config.pos_encodings = mlp_t ? "learned" : "rope";
  return config;
}

enum class Weights { shadows, casts };

// A model in training. With casts every forward pass rounds the float32 weights anew.
struct Training {
  at::Generator generator = at::detail::createCPUGenerator(/*seed=*/3);
  trm::Trm model;
  AdamATan2Optimizer optimizer;
  trm::PuzzleBatch batch;
  trm::Carry carry;
  Weights weights;

  Training(bool mlp_t, Weights with)
      : model(tiny(mlp_t), generator),
        optimizer(model.parameters(), {.weight_decay = 0.1, .ema = true, .ema_decay = 0.5},
                  with == Weights::shadows ? model.shadows() : kernels::ShadowWeights{}),
        weights(with) {
    at::set_num_threads(1);  // tensors this small are not worth sharing
    model.set_trainable(true);
    const auto inputs = at::arange(18, at::kInt).remainder(7).view({3, 6});
    batch = {inputs, inputs.add(1).remainder(7).to(at::kInt), at::tensor({1, 4, 1}, at::kInt)};
    carry = trm::initial_carry(model, batch);
  }

  void age() {
    if (weights == Weights::shadows) return;
    for (const auto& [name, tensor] : model.parameters()) kernels::mark_changed(tensor);
  }

  double step() {
    age();
    trm::ActStep result = trm::act_train_step(model, carry, batch, generator);
    const trm::Loss loss = trm::act_loss(result, model.config().loss_type);
    loss.total.div(3).backward();
    optimizer.step(1e-2);
    optimizer.zero_grad();
    carry = std::move(result.carry);
    return loss.total.item<double>();
  }

  at::Tensor evaluate(bool averaged) {
    age();
    std::optional<EmaWeights> ema;
    if (averaged) ema.emplace(optimizer);
    const trm::Outputs outputs = trm::act_evaluate(model, batch).outputs;
    age();
    return at::cat({outputs.logits.flatten().to(at::kFloat), outputs.q_halt_logits});
  }
};

void expect_same_weights(const Training& actual, const Training& expected) {
  const auto ours = actual.model.state(), theirs = expected.model.state();
  for (size_t i = 0; i < ours.size(); ++i) EXPECT_TRUE(same(ours[i].second, theirs[i].second)) << ours[i].first;
}

class TrmShadows : public testing::TestWithParam<bool> {
 protected:
  Training shadows_{GetParam(), Weights::shadows}, casts_{GetParam(), Weights::casts};
};

TEST_P(TrmShadows, TrainAndEvaluateWithTheBitsOfCasts) {
  for (int step = 0; step < 4; ++step) {
    EXPECT_EQ(shadows_.step(), casts_.step()) << step;
    EXPECT_TRUE(same(shadows_.evaluate(true), casts_.evaluate(true))) << step;  // and training goes on from raw weights
    if (step % 2 == 0) continue;
    EXPECT_TRUE(same(shadows_.evaluate(false), casts_.evaluate(false))) << step;
  }
  expect_same_weights(shadows_, casts_);
}

// As Trainer's resume and rollback do it: weights and optimizer state copied into a model that has run before.
TEST_P(TrmShadows, ResumeWithTheBitsOfCasts) {
  Training other(GetParam(), Weights::shadows);
  for (int step = 0; step < 2; ++step) {
    static_cast<void>(other.step());
    static_cast<void>(shadows_.step());
    static_cast<void>(casts_.step());
  }
  static_cast<void>(other.step());
  copy_by_name(shadows_.model.state(), other.model.state(), "test");
  other.optimizer.restore(shadows_.optimizer.state(), shadows_.optimizer.ema(), shadows_.optimizer.steps());
  other.carry = shadows_.carry;
  other.generator.set_state(shadows_.generator.get_state());
  EXPECT_TRUE(same(other.evaluate(false), casts_.evaluate(false)));
  for (int step = 0; step < 3; ++step) EXPECT_EQ(other.step(), casts_.step()) << step;
  EXPECT_TRUE(same(other.evaluate(true), casts_.evaluate(true)));
  expect_same_weights(other, casts_);
}

// Were the shadows not what the forward passes read, a wrong one would change nothing.
TEST_P(TrmShadows, AreWhatIsRead) {
  static_cast<void>(shadows_.step());
  static_cast<void>(casts_.step());
  const auto list = shadows_.model.shadows();
  EXPECT_EQ(list.size(), shadows_.model.parameters().size());
  for (size_t i = 0; i < list.size(); ++i) {
    const at::Tensor weight = shadows_.model.parameters()[i].second.detach();
    EXPECT_TRUE(same(list[i]->value(), weight.to(at::kBFloat16))) << "as the optimizer wrote it, " << i;
    at::Tensor value = list[i]->value();
    value.fill_(0.25);
    EXPECT_FALSE(same(shadows_.evaluate(false), casts_.evaluate(false))) << i;
    value.copy_(weight);
    EXPECT_TRUE(same(shadows_.evaluate(false), casts_.evaluate(false))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Mixer, TrmShadows, testing::Bool(),
                         [](const auto& one) { return std::string(one.param ? "mlp" : "attention"); });

}  // namespace
}  // namespace tern::test
