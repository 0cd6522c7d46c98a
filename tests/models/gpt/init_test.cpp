#include "models/gpt/init.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/support/tensors.h"

namespace tern::test {
namespace {

std::map<std::string, at::Tensor> weights(const std::string& init) {
  gpt::GptConfig config;
  config.sequence_len = 64;
  config.vocab_size = 1000;
  config.n_layer = 3;
  config.n_head = 4;
  config.n_kv_head = 2;
  config.n_embd = 128;
  config.init = init;
  at::Generator generator = at::detail::createCPUGenerator(0);
  const gpt::Gpt model(config, generator);
  return {model.parameters().begin(), model.parameters().end()};
}

double deviation(const at::Tensor& tensor) {
  return tensor.detach().to(at::kDouble).std().item<double>();
}
double largest(const at::Tensor& tensor) {
  return tensor.detach().abs().max().item<double>();
}
bool all_zero(const at::Tensor& tensor) {
  return tensor.detach().eq(0).all().item<bool>();
}

TEST(GptInit, HasNanochatsSpreads) {
  auto w = weights("nanochat");
  const double s = 1 / std::sqrt(128.0);
  EXPECT_NEAR(deviation(w["transformer.wte.weight"]), 0.8, 0.01);
  EXPECT_NEAR(deviation(w["lm_head.weight"]), 0.001, 1e-5);
  for (const char* name : {"c_q", "c_k", "c_v"}) {
    const at::Tensor& tensor = w["transformer.h.1.attn." + std::string(name) + ".weight"];
    EXPECT_NEAR(deviation(tensor), s, 0.02 * s);
    EXPECT_LE(largest(tensor), std::sqrt(3.0) * s * 1.0001);
  }
  EXPECT_NEAR(deviation(w["transformer.h.2.mlp.c_fc.weight"]), 0.4 * s, 0.02 * s);
  EXPECT_NEAR(deviation(w["value_embeds.0.weight"]), s, 0.02 * s);
  EXPECT_TRUE(all_zero(w["transformer.h.0.attn.c_proj.weight"]));
  EXPECT_TRUE(all_zero(w["transformer.h.0.mlp.c_proj.weight"]));
  EXPECT_TRUE(all_zero(w["smear_lambda"]));
  EXPECT_TRUE(close(w["backout_lambda"].detach(), at::tensor({0.2}), 1e-7, 0));
  EXPECT_TRUE(close(w["resid_lambdas"].detach(), at::tensor({1.15, 1.10, 1.05}), 1e-7, 0));
  EXPECT_TRUE(close(w["x0_lambdas"].detach(), at::tensor({0.20, 0.125, 0.05}), 1e-6, 0));
  for (const char* name : {"smear_gate.weight", "transformer.h.0.attn.ve_gate.weight"}) {
    EXPECT_LE(largest(w[name]), 0.02);
    EXPECT_GE(w[name].detach().min().item<double>(), 0);
    EXPECT_GT(largest(w[name]), 0.01);
  }
}

TEST(GptInit, HasTheFirstReleasesSpreads) {
  auto w = weights("nanochat_2025_10");
  EXPECT_NEAR(deviation(w["transformer.wte.weight"]), 1, 0.01);
  EXPECT_TRUE(all_zero(w["lm_head.weight"]));
  EXPECT_NEAR(deviation(w["transformer.h.1.attn.c_q.weight"]), 1 / std::sqrt(128.0), 0.002);
  EXPECT_NEAR(deviation(w["transformer.h.1.attn.c_k.weight"]), std::sqrt(0.5 / 128.0), 0.002);  // 64 of 128
  EXPECT_NEAR(deviation(w["transformer.h.1.mlp.c_fc.weight"]), 1 / std::sqrt(128.0), 0.002);
  EXPECT_GT(largest(w["transformer.h.1.mlp.c_fc.weight"]), 3.5 / std::sqrt(128.0));  // normal, not uniform
  EXPECT_TRUE(all_zero(w["transformer.h.1.mlp.c_proj.weight"]));
}

}  // namespace
}  // namespace tern::test
