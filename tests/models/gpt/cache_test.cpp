// Tokens one by one or in chunks, with cached keys and values, give what the whole text gives at once.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/models/gpt/small_gpt.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

class GptCache : public testing::TestWithParam<NamedConfig> {};

TEST_P(GptCache, GivesTheHiddenStatesOfTheWholeText) {
  const at::NoGradGuard no_grad;
  const gpt::GptConfig& config = GetParam().config;
  const gpt::Gpt model = small_gpt(config);
  const int64_t length = config.sequence_len > 32 ? 170 : 12;  // longer than the window, and than sequence_len
  const at::Tensor tokens = random_tokens(config, 2, length, 11);
  const at::Tensor whole = model.hidden(tokens);
  const std::vector<std::vector<int64_t>> cuts = {{1, 1, 1, 1}, {5, 1, 3, 1}, {length}, {length - 2, 1, 1}};
  for (const auto& chunks : cuts) {
    gpt::KvCache cache = model.make_cache(2, length);
    int64_t at = 0;
    for (const int64_t chunk : chunks) {
      const at::Tensor part = model.hidden(tokens.narrow(1, at, chunk), cache);
      EXPECT_TRUE(close(part, whole.narrow(1, at, chunk), 1e-11, 1e-11)) << at << " to " << at + chunk;
      at += chunk;
    }
    EXPECT_EQ(cache.length(), at);
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, GptCache, testing::ValuesIn(part_configs()),
                         [](const auto& part) { return part.param.name; });

TEST(GptCache, RepeatedRowsContinueAlike) {
  const at::NoGradGuard no_grad;
  const gpt::Gpt model = small_gpt(full_config());
  const at::Tensor prompt = random_tokens(model.config(), 1, 5, 1);
  gpt::KvCache one = model.make_cache(1, 5);
  (void)model.hidden(prompt, one);
  gpt::KvCache three = one.repeat(3, 8);
  const at::Tensor next = random_tokens(model.config(), 3, 1, 2);
  const at::Tensor cached = model.hidden(next, three);
  const at::Tensor whole = model.hidden(at::cat({prompt.expand({3, -1}), next}, 1));
  EXPECT_TRUE(close(cached, whole.narrow(1, 5, 1), 1e-12, 1e-12));
}

TEST(GptCache, RefusesTextsBeyondThePositions) {
  const gpt::Gpt model = small_gpt(bare_config());
  const at::Tensor tokens = random_tokens(model.config(), 1, 321, 1);
  try {
    (void)model.hidden(tokens);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_STREQ(error.what(),
                 "a text of 321 tokens is longer than the model's limit of 320, shorten it; the limit is ten times "
                 "sequence_len=32");
  }
}

TEST(GptCache, RefusesTokensOfAnotherVocabulary) {
  const gpt::Gpt model = small_gpt(bare_config());
  for (const int64_t bad : {int64_t{11}, int64_t{-1}}) {
    try {
      (void)model.hidden(at::tensor({int64_t{1}, bad}, at::kLong).view({1, 2}));
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_EQ(std::string(error.what()), "token " + std::to_string(bad) +
                                               " is outside the model's vocabulary of 11, use the tokenizer that the "
                                               "model was trained with");
    }
  }
}

}  // namespace
}  // namespace tern::test
