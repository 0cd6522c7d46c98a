// Every parameter's gradient against central differences in float64, for each part of the model alone and all together.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/embedding/row_gradients.h"
#include "models/gpt/loss.h"
#include "tests/models/gpt/small_gpt.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

class GptGradient : public testing::TestWithParam<NamedConfig> {};

// A step h leaves an error of h^2 times the third derivative, which the norms make large, and of 1e-15 / h by rounding.
TEST_P(GptGradient, AgreesWithCentralDifferences) {
  constexpr double kStep = 1e-6;
  const gpt::GptConfig& config = GetParam().config;
  const gpt::Gpt model = small_gpt(config);
  const int64_t length = config.sequence_len > 32 ? 135 : 7;  // longer than the window
  const at::Tensor tokens = random_tokens(config, 2, length + 1, 3);
  at::Tensor targets = tokens.narrow(1, 1, length).contiguous();
  targets[0][1] = gpt::kIgnoredTarget;
  const auto loss = [&] { return gpt::token_loss(model, model.hidden(tokens.narrow(1, 0, length)), targets).mean; };
  loss().backward();
  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : model.parameters()) {
    ASSERT_TRUE(parameter.grad().defined()) << name;
    const at::Tensor grad = kernels::dense_gradient(parameter.grad()).contiguous();
    EXPECT_GT(grad.abs().max().item<double>(), 1e-9) << name << " has no gradient: nothing is checked";
    at::Tensor flat = parameter.detach().view(-1);
    const int64_t stride = std::max<int64_t>(1, flat.numel() / 12);
    for (int64_t i = 0; i < flat.numel(); i += stride) {
      double& value = flat.mutable_data_ptr<double>()[i];
      const double original = value;
      value = original + kStep;
      const double above = loss().item<double>();
      value = original - kStep;
      const double below = loss().item<double>();
      value = original;
      EXPECT_NEAR(grad.view(-1)[i].item<double>(), (above - below) / (2 * kStep), 1e-8) << name << " element " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, GptGradient, testing::ValuesIn(part_configs()),
                         [](const auto& part) { return part.param.name; });

TEST(GptGradient, AddsUpOverMicroBatches) {
  const gpt::Gpt model = small_gpt(full_config());
  const at::Tensor tokens = random_tokens(model.config(), 4, 9, 5);
  const auto backward = [&](int64_t first, int64_t rows, double scale) {
    const at::Tensor part = tokens.narrow(0, first, rows);
    gpt::token_loss(model, model.hidden(part.narrow(1, 0, 8)), part.narrow(1, 1, 8), scale).mean.backward();
  };
  std::vector<at::Tensor> whole;
  backward(0, 4, 1);
  for (const auto& [name, parameter] : model.parameters()) {
    whole.push_back(kernels::dense_gradient(parameter.grad()).clone());
    parameter.mutable_grad().reset();
  }
  backward(0, 2, 0.5);
  backward(2, 2, 0.5);
  for (size_t i = 0; i < whole.size(); ++i) {
    const auto& [name, parameter] = model.parameters()[i];
    EXPECT_LE((kernels::dense_gradient(parameter.grad()) - whole[i]).abs().max().item<double>(), 1e-14) << name;
  }
}

// What a step's memory rests on: no gradient as large as a table.
TEST(GptGradient, OfATableHoldsTheRowsThatWereRead) {
  const gpt::Gpt model = small_gpt(full_config());
  const at::Tensor tokens = at::tensor({3, 5, 3, 0}, at::kLong).view({1, 4});
  gpt::token_loss(model, model.hidden(tokens.narrow(1, 0, 3)), tokens.narrow(1, 1, 3)).mean.backward();
  for (const auto& [name, parameter] : model.parameters()) {
    const bool is_table = name == "transformer.wte.weight" || name.starts_with("value_embeds.");
    EXPECT_EQ(kernels::is_row_gradients(parameter.grad()), is_table) << name;
    if (!is_table) continue;
    EXPECT_TRUE(same(kernels::row_gradients(parameter.grad()).rows, at::tensor({3, 5}, at::kLong))) << name;
  }
}

}  // namespace
}  // namespace tern::test
