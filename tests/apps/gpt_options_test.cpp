#include "apps/gpt_options.h"

#include <gtest/gtest.h>

#include "engine/config/yaml_read.h"
#include "models/gpt/shape.h"
#include "tests/engine/config/expect_error.h"

namespace tern {
namespace {

TEST(GptOptions, TheFirstReleaseHas561MillionParameters) {
  GptParts parts = shipped_gpt_parts("nanochat_2025_10");
  parts.model.vocab_size = 65536;
  const gpt::GptConfig d20 = gpt::with_depth(parts.model, 20, 64, 128);
  const gpt::ParameterCounts counts = gpt::count_parameters(d20);
  EXPECT_EQ(counts.total(), 560988160);
  EXPECT_EQ(counts.value_embeds, 0);
  EXPECT_EQ(counts.scalars, 0);
  EXPECT_EQ(gpt::window_sizes(d20), std::vector<int64_t>(20, 2048));
  EXPECT_EQ(parts.optimizer.orthogonalization, "newton_schulz");
  parts.model.forward_dtype = "float32";
  EXPECT_NO_THROW(gpt::check_config(gpt::with_depth(parts.model, 20, 64, 128)));
}

TEST(GptOptions, ThePresentReleaseIsTheDefault) {
  GptParts parts = shipped_gpt_parts("nanochat");
  EXPECT_EQ(parts.model.forward_dtype, "auto");
  parts.model.forward_dtype = gpt::GptConfig().forward_dtype;  // depends on the device
  EXPECT_TRUE(gpt_schema().dump(parts.model).same_value(gpt_schema().dump(gpt::GptConfig())));
  EXPECT_TRUE(
      gpt_optimizer_schema().dump(parts.optimizer).same_value(gpt_optimizer_schema().dump(GptOptimizerConfig())));
  EXPECT_EQ(parts.loader.packing, GptLoaderConfig().packing);
}

std::string error_of(const std::string& yaml) {
  return test::usage_error([&] { (void)read_gpt_parts(config::read_yaml(yaml, "a.yaml")); });
}

TEST(GptOptions, UnknownKeysAndBadValuesAreNamed) {
  EXPECT_EQ(error_of("qk_nrom: True"), "unknown key 'gpt.qk_nrom', in a.yaml:1:1, did you mean 'gpt.qk_norm'?");
  EXPECT_EQ(error_of("{optimizer: {muon_beta: 1}}"),
            "unknown key 'gpt.optimizer.muon_beta', in a.yaml:1:14, did you mean 'gpt.optimizer.muon_beta2'?");
  EXPECT_EQ(
      error_of("{loader: {packing: first_fit}}"),
      "gpt.loader.packing needs one of best_fit, stream, not 'first_fit', in a.yaml:1:20, did you mean 'best_fit'?");
  EXPECT_EQ(error_of("{optimizer: {grad_clip_of: rank}}"),
            "gpt.optimizer.grad_clip_of needs one of mean, process, not 'rank', in a.yaml:1:28");
  EXPECT_EQ(error_of("init: xavier"), "gpt.init needs one of nanochat, nanochat_2025_10, not 'xavier', in a.yaml:1:7");
  EXPECT_EQ(error_of("softcap: -1"), "gpt.softcap needs a number >= 0, not '-1', in a.yaml:1:10");
}

TEST(GptOptions, OnlyShippedReleasesAreKnown) {
  EXPECT_EQ(test::usage_error([] { (void)shipped_gpt_parts("gpt2"); }),
            "unknown release 'gpt2', gpt, known: nanochat, nanochat_2025_10");
}

}  // namespace
}  // namespace tern
