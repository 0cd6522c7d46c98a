// gpt_chat as a user runs it, against the forward pass without a cache.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <filesystem>
#include <fstream>

#include "apps/gpt_model.h"
#include "data/text/base_dir.h"
#include "data/text/encoder.h"
#include "data/text/utf8.h"
#include "models/gpt/generate.h"
#include "tests/apps/gpt_run.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

class GptChat : public GptRun {
 protected:
  void SetUp() override { ASSERT_EQ(train({"--num-iterations=30", "--eval-every=-1"}).exit_code, 0); }

  [[nodiscard]] text::Tokenizer tokenizer() const {
    return text::Tokenizer::read(text::tokenizer_path(folder_.path()));
  }

  // The whole text through the model again for every token.
  [[nodiscard]] std::string continue_slowly(const std::string& prompt, const gpt::SamplingOptions& sampling,
                                            uint64_t seed, int64_t max_tokens) const {
    const at::NoGradGuard no_grad;
    const text::Tokenizer bytes = tokenizer();
    const LoadedGpt loaded = load_gpt(folder_.path(), {}, bytes);
    at::Generator generator = at::detail::createCPUGenerator(seed);
    std::vector<text::TokenId> ids = text::Encoder(bytes).encode(prompt, bytes.bos());
    for (int64_t i = 0; i < max_tokens; ++i) {
      const std::vector<int64_t> text(ids.begin(), ids.end());
      const at::Tensor hidden = loaded.model.hidden(at::tensor(text, at::kLong).unsqueeze(0));
      const at::Tensor logits = loaded.model.logits(hidden.select(1, hidden.size(1) - 1));
      const auto next = static_cast<text::TokenId>(gpt::sample(logits, sampling, generator).item<int64_t>());
      if (next == bytes.bos() || next == bytes.special("<|assistant_end|>")) break;
      ids.push_back(next);
    }
    ids.erase(ids.begin());
    return text::replace_invalid_utf8(bytes.decode(ids)) + "\n";
  }
};

TEST_F(GptChat, WritesWhatTheUncachedForwardPassWould) {
  struct Case {
    gpt::SamplingOptions sampling;
    int64_t seed;
    std::vector<std::string> flags;
  };
  const std::vector<Case> cases = {
      {{.temperature = 0}, 42, {"--temperature=0"}},
      {{.temperature = 0.6, .top_k = 50}, 42, {}},
      {{.temperature = 1.5, .top_k = 4}, 7, {"-t", "1.5", "-k", "4", "--seed=7"}},
      {{.temperature = 1}, 8, {"-t1", "--top-k=0", "--seed=8"}},
  };
  for (const Case& one : cases) {
    std::vector<std::string> flags = {"--raw", "--prompt", "a rose", "--max-tokens=60"};
    flags.insert(flags.end(), one.flags.begin(), one.flags.end());
    const ProcessResult result = start("gpt_chat", flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, continue_slowly("a rose", one.sampling, static_cast<uint64_t>(one.seed), 60));
    EXPECT_NE(result.err.find("models/d3/step_30 (step 30)"), std::string::npos) << result.err;
  }
}

TEST_F(GptChat, TakesThePromptFromStandardInputToo) {
  const std::string expected = start("gpt_chat", {"--raw", "-p", "is a", "-t", "0"}).out;
  const std::string command =
      "printf 'is a\\n' | TERN_BASE_DIR=" + folder_.path().string() + " " TERN_BIN "/gpt_chat --raw -t 0";
  EXPECT_EQ(run_process({"/bin/sh", "-c", command}).out, expected);
  EXPECT_TRUE(expected.starts_with("is a")) << expected;
}

TEST_F(GptChat, WritesSeveralSamples) {
  const std::string out = start("gpt_chat", {"--raw", "-p", "a", "--num-samples=3", "--max-tokens=5", "-t", "2"}).out;
  EXPECT_TRUE(out.starts_with("--- 1 ---\na")) << out;
  EXPECT_NE(out.find("\n\n--- 2 ---\na"), std::string::npos) << out;
  EXPECT_NE(out.find("\n\n--- 3 ---\na"), std::string::npos) << out;
}

TEST_F(GptChat, GeneratesWithNarrowMatrices) {
  const auto chat = [&](const std::string& type) {
    return start("gpt_chat", {"--raw", "-p", "a rose", "-t", "0", "--max-tokens=30", "--decode-dtype=" + type});
  };
  EXPECT_EQ(chat("float32").out, chat("forward").out);
  for (const std::string type : {"bf16", "int8"}) {
    const ProcessResult result = chat(type);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(result.out.starts_with("a rose")) << result.out;
  }
  expect_error(chat("int4"), 2, "decode_dtype=int4 is unknown");
}

// One model, found in every way that there is.
TEST_F(GptChat, FindsTheModel) {
  const std::string step = folder_ / "models/d3/step_30", nanochat = folder_ / "base_checkpoints/d2";
  ASSERT_EQ(start("tern_ckpt", {"export-nanochat", step, nanochat}).exit_code, 0);
  const auto chat = [&](std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--raw", "-p", "a", "-t", "0", "--max-tokens=30"});
    const ProcessResult result = start("gpt_chat", flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const std::string expected = chat({});  // d3, the deepest
  EXPECT_EQ(chat({"--model-tag=d3", "--step=30"}), expected);
  EXPECT_EQ(chat({"--model-tag=d2"}), expected);
  EXPECT_EQ(chat({"--checkpoint", step}), expected);
  EXPECT_EQ(chat({"--checkpoint", (folder_ / "models/d3").string()}), expected);
  EXPECT_EQ(chat({"--checkpoint", nanochat, "-s", "30"}), expected);
}

TEST_F(GptChat, ErrorsAreOneLineWithTheRightExitCode) {
  const std::vector<std::string> raw = {"--raw", "-p", "a"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), raw.begin(), raw.end());
    return start("gpt_chat", more);
  };
  expect_error(start("gpt_chat", {"-p", "a"}), 2, "conversations need a model that was trained for them, add --raw");
  expect_error(with({"-t", "-1"}), 2, "temperature=-1.000000 is negative");
  expect_error(with({"--top-k=-1"}), 2, "-1 is outside 0 to ");
  expect_error(with({"--max-tokens=320"}), 2, "prompt and max_tokens are 322 tokens, the model's limit is 320");
  expect_error(with({"--dtype=int4"}), 2, "unknown type 'int4', --dtype");
  expect_error(with({"--gpt=gpt2", "--checkpoint", folder_ / "models/d3", "--model-tag=d3"}), 2, "two models to load");
  expect_error(with({"--model-tag=none"}), 4, "no such folder, ");
  expect_error(with({"--step=7"}), 4, "no such file or folder, ");
  expect_error(with({"--checkpoint", folder_ / "models/d3/step_30", "--step=7"}), 4, "is not of step 7, ");
  std::ofstream(folder_ / "models/d3/step_30/model.safetensors", std::ios::app) << "x";
  expect_error(with({"--checkpoint", folder_ / "models/d3/step_30"}), 4, "");
  fs::remove_all(folder_ / "models");
  expect_error(with({}), 4, "no models, ");
}

TEST_F(GptChat, RefusesATokenizerOfAnotherModel) {
  grow_tokenizer(1);
  expect_error(start("gpt_chat", {"--raw", "-p", "a"}), 3,
               "the tokenizer has 266 tokens, the model 265, use the tokenizer that the model was trained with");
}

}  // namespace
}  // namespace tern::test
