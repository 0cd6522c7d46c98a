#include "models/gpt/loss.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <gtest/gtest.h>

#include "tests/models/gpt/small_gpt.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

TEST(GptLoss, IsTheCrossEntropyOfTheLogits) {
  const gpt::Gpt model = small_gpt(full_config());
  const at::Tensor tokens = random_tokens(model.config(), 2, 9, 4);
  at::Tensor targets = tokens.narrow(1, 1, 8).contiguous();
  targets[1][2] = gpt::kIgnoredTarget;
  const at::Tensor hidden = model.hidden(tokens.narrow(1, 0, 8));
  const gpt::Loss loss = gpt::token_loss(model, hidden, targets);
  const at::Tensor logits = model.logits(hidden);
  EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{2, 8, 11}));
  const at::Tensor plain =
      at::cross_entropy_loss(logits.view({16, 11}), targets.view(16), {}, /*reduction: none*/ 0, gpt::kIgnoredTarget);
  EXPECT_TRUE(close(loss.per_token, plain.view({2, 8}), 1e-13, 1e-13));
  EXPECT_TRUE(close(loss.mean, plain.sum() / 15, 1e-13, 0));
  EXPECT_TRUE(close(gpt::token_loss(model, hidden, targets, 0.25).mean, plain.sum() / 60, 1e-13, 0));
}

TEST(GptLoss, LogitsStayInsideTheSoftcap) {
  gpt::GptConfig config = full_config();
  config.softcap = 0.5;
  const gpt::Gpt model = small_gpt(config);
  const at::Tensor logits = model.logits(model.hidden(random_tokens(config, 1, 6, 4)));
  EXPECT_LT(logits.abs().max().item<double>(), 0.5);
  EXPECT_GT(logits.abs().max().item<double>(), 0.3);
}

// bfloat16 has 8 bits of mantissa: a few rounding errors of 2^-9 through three layers.
TEST(GptLoss, OfBfloat16ActivationsIsNear) {
  gpt::GptConfig config = full_config();
  config.forward_dtype = "float32";
  const gpt::Gpt exact = small_gpt(config);
  config.forward_dtype = "bfloat16";
  const gpt::Gpt rounded = small_gpt(config);
  const at::Tensor tokens = random_tokens(config, 4, 17, 4);
  const auto loss = [&](const gpt::Gpt& model) {
    return gpt::token_loss(model, model.hidden(tokens.narrow(1, 0, 16)), tokens.narrow(1, 1, 16)).mean;
  };
  EXPECT_TRUE(close(loss(rounded), loss(exact), 0.02, 0));
  loss(rounded).backward();
  for (const auto& [name, parameter] : rounded.parameters()) EXPECT_EQ(parameter.grad().scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace tern::test
