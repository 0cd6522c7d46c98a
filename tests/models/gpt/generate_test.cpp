#include "models/gpt/generate.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randint.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/error.h"
#include "tests/models/gpt/small_gpt.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

const std::vector<int64_t> kPrompt = {3, 1, 4, 1, 5};

gpt::Gpt float32_gpt() {
  gpt::GptConfig config = full_config();
  config.forward_dtype = "float32";
  return small_gpt(config);
}

// Without a cache: the whole text again for every token.
std::vector<int64_t> generate_slowly(const gpt::Gpt& model, const gpt::GenerateOptions& options) {
  const at::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(options.seed);
  std::vector<int64_t> text = kPrompt;
  for (int64_t i = 0; i < options.max_tokens; ++i) {
    const at::Tensor hidden = model.hidden(at::tensor(text, at::kLong).unsqueeze(0));
    const at::Tensor logits = model.logits(hidden.select(1, hidden.size(1) - 1));
    text.push_back(gpt::sample(logits, options.sampling, generator).item<int64_t>());
  }
  return {text.begin() + static_cast<int64_t>(kPrompt.size()), text.end()};
}

TEST(GptGenerate, GivesTheTokensOfTheUncachedForwardPass) {
  const gpt::Gpt model = float32_gpt();
  for (const gpt::SamplingOptions& sampling : std::vector<gpt::SamplingOptions>{
           {.temperature = 0}, {.temperature = 1}, {.temperature = 0.7, .top_k = 3}, {.temperature = 2, .top_k = 50}}) {
    const gpt::GenerateOptions options{
        .sampling = sampling, .max_tokens = 40, .num_samples = 1, .seed = 5, .stop_tokens = {}};
    EXPECT_EQ(gpt::generate(model, kPrompt, options).at(0), generate_slowly(model, options))
        << sampling.temperature << " " << sampling.top_k;
  }
}

TEST(GptGenerate, SameSeedSameText) {
  const gpt::Gpt model = float32_gpt();
  const gpt::GenerateOptions options{.sampling = {}, .max_tokens = 20, .num_samples = 3, .seed = 1, .stop_tokens = {}};
  const auto samples = gpt::generate(model, kPrompt, options);
  EXPECT_EQ(samples, gpt::generate(model, kPrompt, options));
  EXPECT_NE(samples[0], samples[1]);
  gpt::GenerateOptions other = options;
  other.seed = 2;
  EXPECT_NE(samples, gpt::generate(model, kPrompt, other));
}

TEST(GptGenerate, StopsEachSampleAtAStopToken) {
  const gpt::Gpt model = float32_gpt();
  gpt::GenerateOptions options{.sampling = {}, .max_tokens = 60, .num_samples = 2, .seed = 9, .stop_tokens = {}};
  const auto free = gpt::generate(model, kPrompt, options);
  const int64_t stop = free[0][10];
  options.stop_tokens = {stop};
  std::vector<std::vector<int64_t>> streamed(2);
  const auto stopped = gpt::generate(model, kPrompt, options, [&](const std::vector<int64_t>& column) {
    for (size_t row = 0; row < 2; ++row) {
      if (column[row] >= 0) streamed[row].push_back(column[row]);
    }
  });
  for (size_t row = 0; row < 2; ++row) {
    const auto end = std::find(free[row].begin(), free[row].end(), stop);
    EXPECT_EQ(stopped[row], std::vector<int64_t>(free[row].begin(), end));
    EXPECT_EQ(streamed[row], stopped[row]);
  }
  EXPECT_LE(stopped[0].size(), 10U);
}

TEST(GptSample, TopKLeavesTheOthersOut) {
  at::Generator generator = at::detail::createCPUGenerator(0);
  const at::Tensor logits = at::tensor({0.0, 3.0, 2.9, -1.0}).expand({200, 4}).contiguous();
  const at::Tensor drawn = gpt::sample(logits, {.temperature = 1, .top_k = 2}, generator);
  std::set<int64_t> seen;
  for (int64_t i = 0; i < 200; ++i) seen.insert(drawn[i].item<int64_t>());
  EXPECT_EQ(seen, (std::set<int64_t>{1, 2}));
  EXPECT_TRUE(gpt::sample(logits, {.temperature = 0}, generator).eq(1).all().item<bool>());
}

TEST(GptSample, TheLikeliestIsTheFirstOfTheLargest) {
  at::Generator generator = at::detail::createCPUGenerator(0);
  at::Tensor logits = at::randint(-5, 6, {40, 33}, generator, at::dtype(at::kFloat));  // with many ties
  logits[7][20] = std::nan("");
  for (const at::Tensor& same : {logits, logits.t().contiguous().t(), logits.to(at::kDouble)}) {
    EXPECT_TRUE(gpt::sample(same, {.temperature = 0}, generator).equal(same.argmax(-1)));
  }
}

// Frequencies of 20 000 draws lie within four standard deviations of the probabilities.
TEST(GptSample, FollowsTheTemperature) {
  at::Generator generator = at::detail::createCPUGenerator(0);
  constexpr int64_t kDraws = 20000;
  const at::Tensor logits = at::tensor({1.0, 0.0}).expand({kDraws, 2}).contiguous();
  for (const double temperature : {0.5, 1.0, 3.0}) {
    const double p = 1 / (1 + std::exp(-1 / temperature));
    const at::Tensor drawn = gpt::sample(logits, {.temperature = temperature}, generator);
    const double frequency = drawn.eq(0).sum().item<double>() / kDraws;
    EXPECT_NEAR(frequency, p, 4 * std::sqrt(p * (1 - p) / kDraws));
  }
}

void expect_usage_error(const std::function<void()>& call, const std::string& text) {
  try {
    call();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(std::string(error.what()), text);
  }
}

TEST(GptGenerate, RefusesWhatCannotBe) {
  const gpt::Gpt model = float32_gpt();
  expect_usage_error([&] { (void)gpt::generate(model, {}, {}); }, "an empty prompt, begin with the token <|bos|>");
  expect_usage_error(
      [&] {
        (void)gpt::generate(model, kPrompt,
                            {.sampling = {}, .max_tokens = 316, .num_samples = 1, .seed = 0, .stop_tokens = {}});
      },
      "prompt and max_tokens are 321 tokens, the model's limit is 320, shorten the prompt or lower max_tokens");
  at::Generator generator = at::detail::createCPUGenerator(0);
  const at::Tensor logits = at::zeros({1, 3});
  expect_usage_error([&] { (void)gpt::sample(logits, {.temperature = -1}, generator); },
                     "temperature=-1.000000 is negative, use 0 for the likeliest token");
  expect_usage_error([&] { (void)gpt::sample(logits, {.temperature = 1, .top_k = -2}, generator); },
                     "top_k=-2 is negative, use 0 for all tokens");
}

}  // namespace
}  // namespace tern::test
