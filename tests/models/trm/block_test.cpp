#include "models/trm/block.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/gradients.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

constexpr int64_t kBatch = 2, kPositions = 5, kHidden = 8, kHeads = 2, kInter = 6, kLayers = 2;
constexpr double kEps = 1e-5;

trm::Linear linear(int64_t in, int64_t out, uint64_t seed) {
  const at::Tensor weight = randn({out, in}, seed) / std::sqrt(static_cast<double>(in));
  trm::Linear linear{.weight = weight, .shadow = std::make_shared<kernels::ShadowWeight>(at::kDouble)};
  linear.refresh_shadow();
  return linear;
}

struct Stack {
  std::vector<trm::Block> blocks;
  trm::BlockContext context;
};

Stack make_stack(bool mlp_t, bool rope) {
  Stack stack;
  for (uint64_t layer = 0; layer < kLayers; ++layer) {
    const uint64_t seed = 10 * (layer + 1);
    trm::Block block;
    if (mlp_t) {
      block.mlp_t = {.gate_up = linear(kPositions, 2 * kInter, seed), .down = linear(kInter, kPositions, seed + 1)};
    } else {
      block.qkv_proj = linear(kHidden, 3 * kHidden, seed);
      block.o_proj = linear(kHidden, kHidden, seed + 1);
    }
    block.mlp = {.gate_up = linear(kHidden, 2 * kInter, seed + 2), .down = linear(kInter, kHidden, seed + 3)};
    stack.blocks.push_back(block);
  }
  stack.context = {.mlp_t = mlp_t, .num_heads = kHeads, .rms_norm_eps = kEps, .rope = {}};
  if (rope) {
    stack.context.rope =
        kernels::make_rope_table(kPositions, kHidden / kHeads, 100, stack.context.rope.direction, at::kDouble);
  }
  return stack;
}

std::vector<trm::Linear*> weights(Stack& stack) {
  std::vector<trm::Linear*> out;
  for (trm::Block& block : stack.blocks) {
    if (stack.context.mlp_t) {
      out.insert(out.end(), {&block.mlp_t.gate_up, &block.mlp_t.down});
    } else {
      out.insert(out.end(), {&block.qkv_proj, &block.o_proj});
    }
    out.insert(out.end(), {&block.mlp.gate_up, &block.mlp.down});
  }
  return out;
}

// The same layers in plain ATen.
at::Tensor plain_norm(const at::Tensor& x) {
  return x * (x.square().mean(-1, true) + kEps).rsqrt();
}

at::Tensor plain_swiglu(const trm::SwiGluWeights& weights, const at::Tensor& x) {
  const auto halves = x.matmul(weights.gate_up.weight.t()).chunk(2, -1);
  return (at::silu(halves[0]) * halves[1]).matmul(weights.down.weight.t());
}

// x: [batch, heads, positions, head_dim]
at::Tensor rotated(const at::Tensor& x, const kernels::RopeTable& table) {
  if (!table.cos.defined()) return x;
  const auto halves = x.chunk(2, -1);
  return at::cat({halves[0] * table.cos - halves[1] * table.sin, halves[1] * table.cos + halves[0] * table.sin}, -1);
}

at::Tensor plain_attention(const trm::Block& block, const trm::BlockContext& context, const at::Tensor& x) {
  const auto parts = x.matmul(block.qkv_proj.weight.t()).chunk(3, -1);
  const auto heads = [&](const at::Tensor& part) {
    return part.view({kBatch, kPositions, kHeads, kHidden / kHeads}).transpose(1, 2);
  };
  const auto q = rotated(heads(parts[0].contiguous()), context.rope);
  const auto k = rotated(heads(parts[1].contiguous()), context.rope);
  const auto scores = q.matmul(k.transpose(-1, -2)) / std::sqrt(static_cast<double>(kHidden / kHeads));
  const auto out = at::softmax(scores, -1).matmul(heads(parts[2].contiguous()));
  return out.transpose(1, 2).reshape({kBatch, kPositions, kHidden}).matmul(block.o_proj.weight.t());
}

at::Tensor plain_blocks(const Stack& stack, const at::Tensor& x, const at::Tensor& injection) {
  at::Tensor h = x + injection;
  for (const trm::Block& block : stack.blocks) {
    if (stack.context.mlp_t) {
      const at::Tensor turned = h.transpose(1, 2);
      h = plain_norm(turned + plain_swiglu(block.mlp_t, turned)).transpose(1, 2);
    } else {
      h = plain_norm(h + plain_attention(block, stack.context, h));
    }
    h = plain_norm(h + plain_swiglu(block.mlp, h));
  }
  return h;
}

struct Case {
  const char* name;
  bool mlp_t, rope;
};

class TrmBlock : public testing::TestWithParam<Case> {
 protected:
  Stack stack_ = make_stack(GetParam().mlp_t, GetParam().rope);
  at::Tensor x_ = randn({kBatch, kPositions, kHidden}, 1), injection_ = randn({kBatch, kPositions, kHidden}, 2);

  void make_trainable() {
    for (trm::Linear* each : weights(stack_)) {
      each->weight.set_requires_grad(true);
      each->weight.mutable_grad() = at::zeros_like(each->weight.detach());
      each->refresh_shadow();
    }
  }
};

TEST_P(TrmBlock, InputGradientsMatchCentralDifferences) {
  EXPECT_TRUE(gradcheck(
      [&](const std::vector<at::Tensor>& in) { return trm::run_blocks(stack_.blocks, stack_.context, in[0], in[1]); },
      {x_, injection_}));
}

// Two uses of the same layers, as in a cycle: their weight gradients add up.
TEST_P(TrmBlock, ResultAndAllGradientsMatchAutograd) {
  const at::Tensor dy = randn({kBatch, kPositions, kHidden}, 3);
  const auto run = [&](const auto& blocks) {
    at::Tensor x = x_.clone().set_requires_grad(true), injection = injection_.clone().set_requires_grad(true);
    const at::Tensor y = blocks(blocks(x, injection), injection);
    y.backward(dy);
    return std::vector<at::Tensor>{y.detach(), x.grad(), injection.grad()};
  };
  make_trainable();
  auto actual =
      run([&](const auto& x, const auto& extra) { return trm::run_blocks(stack_.blocks, stack_.context, x, extra); });
  for (trm::Linear* each : weights(stack_)) actual.push_back(each->weight.grad().clone());
  make_trainable();
  auto expected = run([&](const auto& x, const auto& extra) { return plain_blocks(stack_, x, extra); });
  for (trm::Linear* each : weights(stack_)) expected.push_back(each->weight.grad());

  ASSERT_EQ(actual.size(), 3 + 4 * kLayers);
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_GT(expected[i].abs().max().item<double>(), 1e-3) << i;
    EXPECT_TRUE(close(actual[i], expected[i], 1e-10, 1e-11)) << i;
  }
}

TEST_P(TrmBlock, FrozenWeightsStillPassTheGradientOn) {
  at::Tensor x = x_.clone().set_requires_grad(true);
  trm::run_blocks(stack_.blocks, stack_.context, x, injection_).sum().backward();
  EXPECT_GT(x.grad().abs().max().item<double>(), 1e-6);
  for (trm::Linear* each : weights(stack_)) EXPECT_FALSE(each->weight.grad().defined());
}

TEST_P(TrmBlock, InferenceGivesTheSameBits) {
  EXPECT_TRUE(same(trm::run_blocks_inference(stack_.blocks, stack_.context, x_, injection_),
                   trm::run_blocks(stack_.blocks, stack_.context, x_, injection_)));
}

INSTANTIATE_TEST_SUITE_P(Mixers, TrmBlock,
                         testing::Values(Case{"rope", false, true}, Case{"no_positions", false, false},
                                         Case{"mlp_t", true, false}),
                         [](const auto& param) { return param.param.name; });

TEST(SwiGluInnerWidth, RoundsHalfToEvenAndUpToAMultipleOf256) {
  EXPECT_EQ(trm::swiglu_inner_width(512, 4), 1536);  // 1365.3
  EXPECT_EQ(trm::swiglu_inner_width(97, 4), 512);    // 258.7
  EXPECT_EQ(trm::swiglu_inner_width(96, 4), 256);    // exactly 256
}

}  // namespace
}  // namespace tern::test
