#include "models/gpt/shape.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "models/gpt/gpt.h"
#include "tests/models/gpt/small_gpt.h"

namespace tern::test {
namespace {

using gpt::GptConfig;

// What `--depth` makes of a vocabulary of 65536; counts and FLOPs printed by nanochat itself.
TEST(GptShape, DepthGivesTheRest) {
  GptConfig base;
  base.vocab_size = 65536;
  const GptConfig d20 = gpt::with_depth(base, 20, 64, 128);
  EXPECT_EQ(d20.n_embd, 1280);
  EXPECT_EQ(d20.n_head, 10);
  EXPECT_EQ(d20.n_kv_head, 10);
  const gpt::ParameterCounts counts = gpt::count_parameters(d20);
  EXPECT_EQ(counts.wte, 83886080);
  EXPECT_EQ(counts.value_embeds, 838860800);
  EXPECT_EQ(counts.lm_head, 83886080);
  EXPECT_EQ(counts.transformer_matrices, 393217200);
  EXPECT_EQ(counts.scalars, 66);
  EXPECT_EQ(counts.total(), 1399850226);
  EXPECT_EQ(gpt::flops_per_token(d20), 3137871024.0);
  base.vocab_size = 32768;
  EXPECT_EQ(gpt::flops_per_token(gpt::with_depth(base, 4, 64, 128)), 80216496.0);
  const GptConfig d3 = gpt::with_depth(base, 3, 64, 128);
  EXPECT_EQ(d3.n_embd, 256) << "192 rounded up to a multiple of head_dim";
  EXPECT_EQ(d3.n_head, 2);
}

TEST(GptShape, CountsTheParametersOfTheModel) {
  for (const NamedConfig& part : part_configs()) {
    at::Generator generator = at::detail::createCPUGenerator(0);
    const gpt::Gpt model(part.config, generator);
    int64_t total = 0;
    for (const auto& [name, parameter] : model.parameters()) total += parameter.numel();
    EXPECT_EQ(gpt::count_parameters(part.config).total(), total) << part.name;
  }
}

TEST(GptShape, WindowsRepeatThePatternAndEndWithTheWholeContext) {
  GptConfig config;
  config.n_layer = 6;
  config.window_pattern = "SSSL";
  EXPECT_EQ(gpt::window_sizes(config), (std::vector<int64_t>{512, 512, 512, 2048, 512, 2048}));
  config.sequence_len = 1025;
  config.window_pattern = "s";
  EXPECT_EQ(gpt::window_sizes(config), (std::vector<int64_t>{384, 384, 384, 384, 384, 1025}));
}

TEST(GptShape, ValueEmbeddingsAlternateAndTheLastLayerHasOne) {
  GptConfig config;
  const auto layers = [&](int64_t count) {
    config.n_layer = count;
    std::vector<int64_t> with;
    for (int64_t i = 0; i < count; ++i) {
      if (gpt::has_value_embedding(config, i)) with.push_back(i);
    }
    return with;
  };
  EXPECT_EQ(layers(4), (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(layers(5), (std::vector<int64_t>{0, 2, 4}));
  config.value_embeds = false;
  EXPECT_TRUE(layers(5).empty());
}

void expect_refused(const std::function<void(GptConfig&)>& change, const std::string& text) {
  GptConfig config;
  change(config);
  try {
    gpt::check_config(config);
    ADD_FAILURE() << "accepted; expected: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(std::string(error.what()), text);
  }
}

TEST(GptShape, RefusesImpossibleModels) {
  EXPECT_NO_THROW(gpt::check_config(GptConfig()));
  const std::string where = ", in the model's configuration, ";
  expect_refused([](GptConfig& c) { c.n_layer = 0; }, "n_layer=0 is not positive" + where + "use n_layer=1 or more");
  expect_refused([](GptConfig& c) { c.n_head = 5; },
                 "n_embd=768 is not divisible by n_head=5" + where + "use n_embd=770");
  expect_refused(
      [](GptConfig& c) { c.n_head = 768, c.n_kv_head = 768; },
      "the head dimension 1 (n_embd / n_head) is odd" + where + "rotary positions turn pairs: use an even one");
  expect_refused([](GptConfig& c) { c.n_kv_head = 4; },
                 "n_head=6 is not divisible by n_kv_head=4" + where + "use a divisor of n_head");
  expect_refused([](GptConfig& c) { c.window_pattern = "SXL"; },
                 "window_pattern 'SXL' is not made of S and L" + where + "use e.g. L or SSSL");
  expect_refused([](GptConfig& c) { c.window_pattern = ""; },
                 "window_pattern '' is not made of S and L" + where + "use e.g. L or SSSL");
  expect_refused([](GptConfig& c) { c.n_embd = 12, c.n_head = 6, c.n_kv_head = 6; },
                 "smear_channels=24 is not in 1 to n_embd=12" + where + "use n_embd or fewer");
  expect_refused([](GptConfig& c) { c.n_embd = 6, c.n_head = 3, c.n_kv_head = 3; },
                 "ve_gate_channels=12 is more than n_embd=6" + where + "use n_embd or fewer");
  expect_refused([](GptConfig& c) { c.init = "xavier"; },
                 "unknown init 'xavier'" + where + "use nanochat or nanochat_2025_10");
  expect_refused([](GptConfig& c) { c.forward_dtype = "float16"; },
                 "unknown forward_dtype 'float16'" + where + "use float32 or bfloat16");
  EXPECT_THROW((void)gpt::with_depth(GptConfig(), 0, 64, 128), Error);
  EXPECT_THROW((void)gpt::with_depth(GptConfig(), 4, 0, 128), Error);
  EXPECT_THROW((void)gpt::with_depth(GptConfig(), 4, 64, 7), Error);
}

}  // namespace
}  // namespace tern::test
