// Training on a GPU as far as a machine without one can tell: every tensor on the right device, every kernel reached,
// and the numbers of a run on the CPU. The GPU is host memory in disguise and the kernels run on the emulator.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include "engine/optim/adam_atan2_optimizer.h"
#include "kernels/sign_sgd/sign_sgd.h"
#include "models/trm/losses.h"
#include "tests/models/trm/tiny_trm.h"
#include "tests/support/fake_cuda.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

trm::TrmConfig tiny(const std::string& dtype, bool mlp_t) {
  trm::TrmConfig config = tiny_trm(dtype, mlp_t);
  config.no_ACT_continue = false;
  return config;
}

struct Trained {
  std::vector<double> losses;
  trm::NamedTensors weights;  // on the CPU
  TensorList ema;
};

Trained train(const trm::TrmConfig& config, at::Device device) {
  auto generator = at::detail::createCPUGenerator(/*seed=*/3);
  trm::Trm model(config, generator, device);
  EXPECT_EQ(model.choose_attention_backend("auto").empty(), config.mlp_t);
  model.set_trainable(true);
  AdamATan2Optimizer optimizer(model.parameters(), {.weight_decay = 0.1, .ema = true, .ema_decay = 0.5});
  const auto inputs = at::arange(18, at::kInt).remainder(7).view({3, 6}).to(device);
  const trm::PuzzleBatch batch{inputs, inputs.add(1).remainder(7).to(at::kInt),
                               at::tensor({1, 4, 1}, at::kInt).to(device)};
  trm::Carry carry = trm::initial_carry(model, batch);
  Trained trained;
  for (int step = 0; step < 3; ++step) {
    trm::ActStep result = trm::act_train_step(model, carry, batch, generator);
    const trm::Loss loss = trm::act_loss(result, config.loss_type);
    loss.total.div(3).backward();
    trained.losses.push_back(loss.total.item<double>());
    trained.losses.push_back(optimizer.grad_norm());
    trm::PuzzleEmbedding& puzzles = model.puzzle_embedding();
    kernels::sign_sgd_sparse_step(puzzles.weights, puzzles.local_weights.grad(), puzzles.local_ids, 0.01, 0.1);
    optimizer.step(1e-3);
    optimizer.zero_grad();
    carry = std::move(result.carry);
  }
  const trm::ActStep evaluated = trm::act_evaluate(model, batch);
  trained.weights.emplace_back("logits", evaluated.outputs.logits.cpu());
  for (const auto& [name, tensor] : model.state()) {
    EXPECT_EQ(tensor.device(), device) << name;
    trained.weights.emplace_back(name, tensor.detach().cpu());
  }
  for (const auto& [name, tensor] : optimizer.ema()) trained.ema.emplace_back(name, tensor.detach().cpu());
  return trained;
}

void expect_alike(const trm::NamedTensors& actual, const trm::NamedTensors& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_TRUE(close(actual[i].second, expected[i].second, tolerance, tolerance)) << actual[i].first;
  }
}

class TrmDevice : public testing::TestWithParam<bool> {
 protected:
  static void SetUpTestSuite() { install_fake_cuda(); }
};

TEST_P(TrmDevice, TrainsOnAGpuAsOnTheCpu) {
  const trm::TrmConfig config = tiny("float32", GetParam());
  const Trained on_cpu = train(config, at::kCPU);
  const Trained on_cuda = train(config, at::Device(at::kCUDA, 0));
  for (size_t i = 0; i < on_cpu.losses.size(); ++i) {
    EXPECT_NEAR(on_cuda.losses[i], on_cpu.losses[i], 1e-3 * std::abs(on_cpu.losses[i])) << i;
  }
  expect_alike(on_cuda.weights, on_cpu.weights, 1e-3);
  expect_alike(on_cuda.ema, on_cpu.ema, 1e-3);
}

TEST_P(TrmDevice, TrainsInBfloat16) {
  const Trained on_cuda = train(tiny("bfloat16", GetParam()), at::Device(at::kCUDA, 0));
  for (const double value : on_cuda.losses) EXPECT_TRUE(std::isfinite(value));
}

INSTANTIATE_TEST_SUITE_P(Mixer, TrmDevice, testing::Bool(),
                         [](const auto& one) { return std::string(one.param ? "mlp" : "attention"); });

}  // namespace
}  // namespace tern::test
