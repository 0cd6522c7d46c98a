#include "kernels/common/shadow_weight.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "kernels/adam_atan2/adam_atan2.h"
#include "kernels/adamw/adamw.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using kernels::ShadowedWeight;
using kernels::ShadowWeight;

ShadowedWeight bfloat16_shadowed(const at::Tensor& weight) {
  return {weight, std::make_shared<ShadowWeight>(at::kBFloat16)};
}

TEST(ShadowWeight, FollowsEveryKindOfChange) {
  at::Tensor weight = randn({5, 7}, 1, at::kFloat);
  const ShadowedWeight shadowed = bfloat16_shadowed(weight);
  const auto is_current = [&] { return same(shadowed.read(), weight.to(at::kBFloat16)); };
  EXPECT_TRUE(is_current());
  weight.mul_(3);
  EXPECT_TRUE(is_current()) << "in place";
  weight.detach().copy_(randn({5, 7}, 2, at::kFloat));
  EXPECT_TRUE(is_current()) << "through an alias";
  weight.narrow(0, 1, 2).zero_();
  EXPECT_TRUE(is_current()) << "through a view";
  weight.set_data(randn({5, 7}, 3, at::kFloat));
  EXPECT_TRUE(is_current()) << "other memory";
  weight.mutable_data_ptr<float>()[3] = 4;
  kernels::mark_changed(weight);
  EXPECT_TRUE(is_current()) << "behind ATen's back";
}

// Memory that is given back may be handed out again under the same address.
TEST(ShadowWeight, IsNotTakenInByOtherMemoryAtTheSameAddress) {
  at::Tensor weight = randn({64, 64}, 1, at::kFloat);
  const ShadowedWeight shadowed = bfloat16_shadowed(weight);
  for (uint64_t seed = 2; seed < 12; ++seed) {
    static_cast<void>(shadowed.read());
    weight.set_data(at::zeros({1}));
    weight.set_data(randn({64, 64}, seed, at::kFloat));
    EXPECT_TRUE(same(shadowed.read(), weight.to(at::kBFloat16))) << seed;
  }
}

TEST(ShadowWeight, IsTheWeightItselfInItsOwnDtype) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const at::Tensor weight = randn({3}, 1, dtype);
    const ShadowedWeight shadowed{weight, std::make_shared<ShadowWeight>(dtype)};
    EXPECT_TRUE(shadowed.read().is_same(weight));
    EXPECT_EQ(shadowed.shadow->value().const_data_ptr(), weight.const_data_ptr());
    EXPECT_FALSE(shadowed.shadow->buffer().defined());
  }
}

TEST(ShadowWeight, GivesTheGradientToTheWeightAsACastDoes) {
  const auto x = randn({4, 7}, 1, at::kBFloat16), dy = randn({4, 5}, 2, at::kBFloat16);
  at::Tensor weight = randn({5, 7}, 3, at::kFloat).set_requires_grad(true);
  const ShadowedWeight shadowed = bfloat16_shadowed(weight);
  for (int pass = 0; pass < 2; ++pass) at::linear(x, shadowed.read()).backward(dy);
  const at::Tensor grad = weight.grad().clone();
  weight.mutable_grad().reset();
  for (int pass = 0; pass < 2; ++pass) at::linear(x, weight.to(at::kBFloat16)).backward(dy);
  EXPECT_EQ(grad.scalar_type(), at::kFloat);
  EXPECT_TRUE(same(grad, weight.grad()));
}

TEST(ShadowWeight, AnOlderGraphKeepsItsValues) {
  const auto x = randn({4, 7}, 1, at::kBFloat16).set_requires_grad(true), dy = randn({4, 5}, 2, at::kBFloat16);
  at::Tensor weight = randn({5, 7}, 3, at::kFloat);
  const ShadowedWeight shadowed = bfloat16_shadowed(weight);
  const at::Tensor expected = dy.matmul(weight.to(at::kBFloat16)), y = at::linear(x, shadowed.read());
  weight.mul_(2);
  EXPECT_TRUE(same(shadowed.read(), weight.to(at::kBFloat16)));
  y.backward(dy);
  EXPECT_TRUE(same(x.grad(), expected));
}

// An optimizer writes the shadow in its pass: the next read takes that copy and makes none. What was written there by
// mistake would be read, which shows that nothing else is.
TEST(ShadowWeight, IsReadAsTheOptimizerWroteIt) {
  const auto steps = {std::function([](std::span<const kernels::AdamTensor> tensors) {
                        kernels::adam_atan2_step(tensors, {.lr = 0.1, .step = 1});
                      }),
                      std::function([](std::span<const kernels::AdamTensor> tensors) {
                        kernels::adamw_step(tensors, {.lr = 0.1, .step = 1}, 1e-8);
                      })};
  for (const auto& step : steps) {
    at::Tensor weight = randn({5, 7}, 1, at::kFloat);
    const auto grad = randn({5, 7}, 2, at::kFloat);
    const ShadowedWeight shadowed = bfloat16_shadowed(weight);
    EXPECT_FALSE(shadowed.shadow->buffer().defined()) << "nobody has read it";
    static_cast<void>(shadowed.read());
    const at::Tensor m = at::zeros_like(weight), v = at::zeros_like(weight);

    step(std::vector<kernels::AdamTensor>{{weight, grad, m, v, {}, shadowed.shadow->buffer()}});
    shadowed.shadow->written(weight);
    EXPECT_TRUE(same(shadowed.read(), weight.to(at::kBFloat16)));
    at::Tensor copy = shadowed.shadow->value();
    copy.fill_(7);
    EXPECT_EQ(shadowed.read().const_data_ptr(), copy.const_data_ptr());
    EXPECT_EQ(shadowed.read()[0][0].item<float>(), 7);

    step(std::vector<kernels::AdamTensor>{{weight, grad, m, v}});  // an optimizer that knows of no shadow
    EXPECT_TRUE(same(shadowed.read(), weight.to(at::kBFloat16)));
  }
}

}  // namespace
}  // namespace tern::test
