// gpt=nanochat_2025_10 against that release's own base_train.py, step by step: tests/reference/gpt/record_recipe.py ran
// the script itself with the flags below and took down what went on in it.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "apps/gpt_tensors.h"
#include "apps/gpt_train_config.h"
#include "base/file.h"
#include "base/npy.h"
#include "engine/checkpoint/weights.h"
#include "engine/optim/pretraining_optimizer.h"
#include "models/gpt/loss.h"

namespace tern {
namespace {

const std::filesystem::path kReference = std::filesystem::path(TERN_TEST_REFERENCE) / "gpt/recipe_2025_10";

TEST(NanochatRecipe, TrainsAsTheReleasesOwnScriptDid) {
  const auto recorded = nlohmann::json::parse(read_file(kReference / "trace.json"));
  std::vector<const char*> arguments = {"gpt_train", "gpt=nanochat_2025_10", "gpt.forward_dtype=float32"};
  // nanochat's flags had underlines then; both are accepted.
  for (const auto& flag : recorded.at("flags")) arguments.push_back(flag.get_ptr<const std::string*>()->c_str());
  const GptJob job = parse_gpt_command_line(static_cast<int>(arguments.size()), arguments.data()).job;
  const GptPlan plan = make_gpt_plan(job, recorded.at("vocab_size").get<int64_t>(), 1);
  ASSERT_EQ(plan.task.num_iterations, static_cast<int64_t>(recorded.at("trace").size()));

  at::Generator generator = at::detail::createCPUGenerator(0);
  const gpt::Gpt model(plan.model, generator);
  load_gpt_weights(model, load_weights(kReference / "start.pt"), "init.pt");
  const GptGroups groups = gpt_groups(model, plan.rates, plan.optimizer);
  PretrainingOptimizer optimizer(MuonAdamW(groups.adamw, groups.muon), plan.schedule);
  const NpyArray array = open_npy(kReference / "tokens.npy");
  const at::Tensor tokens = at::tensor(array.to_int64(), at::kLong).reshape(array.shape);
  const int64_t micro_batches = accumulation_steps(plan.task, plan.model.sequence_len, 1);
  ASSERT_EQ(tokens.size(1), micro_batches);

  bool clipped = false;
  for (int64_t step = 0; step < plan.task.num_iterations; ++step) {
    const auto& expected = recorded.at("trace").at(static_cast<size_t>(step));
    for (int64_t i = 0; i < micro_batches; ++i) {
      const at::Tensor batch = tokens[step][i];
      const int64_t length = batch.size(1) - 1;
      const gpt::Loss loss = gpt::token_loss(model, model.hidden(batch.narrow(1, 0, length)),
                                             batch.narrow(1, 1, length), 1 / static_cast<double>(micro_batches));
      loss.mean.backward();
      const double whole = loss.mean.item<double>() * static_cast<double>(micro_batches);
      EXPECT_NEAR(whole / expected.at("losses").at(static_cast<size_t>(i)).get<double>(), 1, 1e-5) << "step " << step;
    }
    const double norm = optimizer.grad_norm();
    EXPECT_NEAR(norm / expected.at("grad_norm").get<double>(), 1, 1e-4) << "step " << step;
    EXPECT_EQ(plan.schedule.grad_clip, expected.at("max_norm").get<double>());
    clipped = clipped || norm > plan.schedule.grad_clip;
    const auto rates = expected.at("lr").get<std::vector<double>>();
    const double multiplier = lr_multiplier(step, plan.schedule);
    EXPECT_DOUBLE_EQ(groups.adamw[0].lr * multiplier, rates[0]);
    EXPECT_DOUBLE_EQ(groups.adamw[1].lr * multiplier, rates[1]);
    EXPECT_DOUBLE_EQ(groups.muon.lr * multiplier, rates[2]);
    EXPECT_DOUBLE_EQ(muon_momentum(step, plan.schedule), expected.at("momentum").get<double>());
    optimizer.step(1);
    optimizer.zero_grad();
    const std::map<std::string, at::Tensor> weights(model.parameters().begin(), model.parameters().end());
    for (const auto& [name, weight_norm] : expected.at("weight_norm").items()) {
      const double actual = weights.at(name).detach().to(at::kDouble).norm().item<double>();
      EXPECT_NEAR(actual, weight_norm.get<double>(), 1e-4 * weight_norm.get<double>()) << name << ", step " << step;
    }
  }
  EXPECT_TRUE(clipped) << "the recording would tell nothing of the clipping";
}

// What followed from the options of the script alone, for its own model.
TEST(NanochatRecipe, HasTheReleasesHorizonAndRates) {
  const char* arguments[] = {"gpt_train", "gpt=nanochat_2025_10"};
  const GptJob job = parse_gpt_command_line(2, arguments).job;
  const GptPlan plan = make_gpt_plan(job, 65536, 8);
  EXPECT_EQ(plan.task.total_batch_size, 524288);
  EXPECT_EQ(plan.task.num_iterations, 20 * 560988160LL / 524288);
  EXPECT_EQ(plan.task.eval_tokens, 20 * 524288);
  EXPECT_EQ(plan.rates.embedding_lr, 0.2);
  EXPECT_EQ(plan.rates.unembedding_lr, 0.004);
  EXPECT_EQ(plan.rates.matrix_lr, 0.02);
  EXPECT_EQ(plan.schedule.weight_decay, 0);
  EXPECT_EQ(plan.optimizer.embedding_weight_decay, 0);
  EXPECT_DOUBLE_EQ(muon_momentum(299, plan.schedule), (1 - 299.0 / 300) * 0.85 + 299.0 / 300 * 0.95);
  EXPECT_DOUBLE_EQ(muon_momentum(plan.task.num_iterations, plan.schedule), 0.95);
  EXPECT_DOUBLE_EQ(lr_multiplier(plan.task.num_iterations, plan.schedule), 0);
}

TEST(NanochatRecipe, WeightDecayWasOfTheEmbeddingsThen) {
  const char* arguments[] = {"gpt_train", "gpt=nanochat_2025_10", "--weight-decay=0.1"};
  const GptPlan plan = make_gpt_plan(parse_gpt_command_line(3, arguments).job, 65536, 8);
  EXPECT_EQ(plan.schedule.weight_decay, 0);
  EXPECT_EQ(plan.optimizer.embedding_weight_decay, 0.1);
  EXPECT_EQ(plan.optimizer.unembedding_weight_decay, 0.1);
}

}  // namespace
}  // namespace tern
