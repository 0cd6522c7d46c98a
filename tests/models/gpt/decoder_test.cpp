// A decoder's tokens, one by one, give what the whole text gives at once; in a narrower type, what a model of the
// rounded matrices gives.
#include "models/gpt/decoder.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "models/gpt/generate.h"
#include "tests/models/gpt/small_gpt.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

constexpr gpt::DecodeDtype kAll[] = {gpt::DecodeDtype::forward, gpt::DecodeDtype::float32, gpt::DecodeDtype::bf16,
                                     gpt::DecodeDtype::int8};

gpt::Gpt float32_gpt(gpt::GptConfig config) {
  config.forward_dtype = "float32";
  return small_gpt(config);
}

// Logits [rows, tokens, vocab] by steps from an empty cache.
at::Tensor by_steps(gpt::Decoder& decoder, const at::Tensor& tokens) {
  gpt::KvCache cache = decoder.make_cache(tokens.size(0), tokens.size(1));
  std::vector<at::Tensor> logits;
  for (int64_t i = 0; i < tokens.size(1); ++i) {
    const at::Tensor column = tokens.select(1, i).contiguous();
    logits.push_back(decoder.step({column.const_data_ptr<int64_t>(), static_cast<size_t>(column.numel())}, cache));
  }
  EXPECT_EQ(cache.length(), tokens.size(1));
  return at::stack(logits, 1);
}

class GptDecoder : public testing::TestWithParam<NamedConfig> {};

TEST_P(GptDecoder, GivesTheLogitsOfTheWholeText) {
  const at::NoGradGuard no_grad;
  const gpt::Gpt model = float32_gpt(GetParam().config);
  const int64_t length = model.config().sequence_len > 32 ? 170 : 12;  // longer than the window, and than sequence_len
  for (const int64_t rows : {1, 3}) {
    const at::Tensor tokens = random_tokens(model.config(), rows, length, 11);
    for (const gpt::DecodeDtype dtype : kAll) {
      gpt::Decoder decoder(model, dtype);
      const gpt::Gpt rounded = gpt::with_decode_weights(model, dtype);
      // float32 on both sides, sums in other orders; the logits are of size 1 to 10.
      EXPECT_TRUE(close(by_steps(decoder, tokens), rounded.logits(rounded.hidden(tokens)), 2e-4, 2e-4))
          << rows << " " << static_cast<int>(dtype);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, GptDecoder, testing::ValuesIn(part_configs()),
                         [](const auto& part) { return part.param.name; });

TEST(GptDecoder, PrefillTakesUpThePrompt) {
  const at::NoGradGuard no_grad;
  const gpt::Gpt model = float32_gpt(full_config());
  const std::vector<int64_t> prompt = {3, 1, 4, 1, 5};
  const at::Tensor tokens = at::tensor({3, 1, 4, 1, 5, 9}, at::kLong).unsqueeze(0);
  const at::Tensor whole = model.logits(model.hidden(tokens));
  gpt::Decoder decoder(model, gpt::DecodeDtype::float32);
  gpt::KvCache one = decoder.make_cache(1, 5);
  EXPECT_TRUE(close(decoder.prefill(prompt, one), whole.select(1, 4), 1e-4, 1e-4));
  gpt::KvCache two = one.repeat(2, 6);
  const std::vector<int64_t> next = {9, 9};
  EXPECT_TRUE(close(decoder.step(next, two), whole.select(1, 5).expand({2, -1}), 1e-4, 1e-4));
}

TEST(GptDecoder, AnyNumberOfThreadsGivesTheSameBits) {
  const at::NoGradGuard no_grad;
  const gpt::Gpt model = float32_gpt(full_config());
  const at::Tensor tokens = random_tokens(model.config(), 2, 40, 5);
  const int before = at::get_num_threads();
  for (const gpt::DecodeDtype dtype : kAll) {
    gpt::Decoder decoder(model, dtype);
    at::set_num_threads(1);
    const at::Tensor alone = by_steps(decoder, tokens);
    for (const int threads : {2, 3, 5}) {
      at::set_num_threads(threads);
      EXPECT_TRUE(same(by_steps(decoder, tokens), alone)) << threads;
    }
  }
  at::set_num_threads(before);
}

// Their memory is used again, but not while somebody holds it or a part of it.
TEST(GptDecoder, LogitsStayAsTheyAreWhileTheyAreHeld) {
  const at::NoGradGuard no_grad;
  const gpt::Gpt model = float32_gpt(full_config());
  gpt::Decoder decoder(model, gpt::DecodeDtype::float32);
  gpt::KvCache cache = decoder.make_cache(1, 10);
  const std::vector<int64_t> token = {3};
  const at::Tensor whole = decoder.step(token, cache), part = decoder.step(token, cache).narrow(1, 2, 3);
  const at::Tensor whole_before = whole.clone(), part_before = part.clone();
  for (int i = 0; i < 5; ++i) (void)decoder.step(token, cache);
  EXPECT_TRUE(same(whole, whole_before));
  EXPECT_TRUE(same(part, part_before));
}

// Weights change by at most 2^-9 of themselves in bfloat16 and by 1/254 of their row's largest in int8. Logits are
// capped at 15; three layers let them move by a few hundredths of that.
TEST(GptDecoder, NarrowTypesStayClose) {
  const at::NoGradGuard no_grad;
  const gpt::Gpt model = float32_gpt(full_config());
  const at::Tensor tokens = random_tokens(model.config(), 2, 30, 5);
  const at::Tensor exact = model.logits(model.hidden(tokens));
  const auto distance = [&](gpt::DecodeDtype dtype) {
    gpt::Decoder decoder(model, dtype);
    return ((by_steps(decoder, tokens) - exact).norm() / exact.norm()).item<double>();
  };
  EXPECT_LT(distance(gpt::DecodeDtype::float32), 1e-5);
  EXPECT_LT(distance(gpt::DecodeDtype::bf16), 0.02);
  EXPECT_GT(distance(gpt::DecodeDtype::bf16), 1e-4);
  EXPECT_LT(distance(gpt::DecodeDtype::int8), 0.03);
  EXPECT_GT(distance(gpt::DecodeDtype::int8), 1e-4);
}

TEST(GptDecoder, CanBeUsedAgain) {
  const gpt::Gpt model = float32_gpt(full_config());
  for (const gpt::DecodeDtype dtype : kAll) {
    gpt::GenerateOptions options{.sampling = {}, .max_tokens = 20, .num_samples = 2, .seed = 3, .stop_tokens = {}};
    options.decode_dtype = dtype;
    const auto once = gpt::generate(model, {1, 2}, options);
    options.decoder = gpt::make_decoder(model, dtype);
    EXPECT_EQ(gpt::generate(model, {1, 2}, options), once);
    EXPECT_EQ(gpt::generate(model, {1, 2}, options), once);  // nothing is left of the first text
  }
}

TEST(GptDecoder, ComputesInFloat32ForABfloat16Model) {
  const at::NoGradGuard no_grad;
  gpt::GptConfig config = full_config();
  config.forward_dtype = "bfloat16";
  const gpt::Gpt narrow = small_gpt(config), wide = float32_gpt(full_config());
  gpt::GenerateOptions options{.sampling = {}, .max_tokens = 20, .num_samples = 1, .seed = 3, .stop_tokens = {}};
  options.decode_dtype = gpt::DecodeDtype::float32;
  EXPECT_EQ(gpt::generate(narrow, {1, 2}, options), gpt::generate(wide, {1, 2}, options));
}

TEST(GptDecoder, LeavesOtherForwardPassesAlone) {
  gpt::GptConfig config = full_config();
  for (const char* dtype : {"bfloat16", "float64"}) {
    config.forward_dtype = dtype;
    EXPECT_EQ(gpt::make_decoder(small_gpt(config), gpt::DecodeDtype::forward), nullptr);
  }
}

TEST(GptDecoder, KnowsItsTypesByName) {
  EXPECT_EQ(gpt::decode_dtype_by_name("forward"), gpt::DecodeDtype::forward);
  EXPECT_EQ(gpt::decode_dtype_by_name("float32"), gpt::DecodeDtype::float32);
  EXPECT_EQ(gpt::decode_dtype_by_name("bf16"), gpt::DecodeDtype::bf16);
  EXPECT_EQ(gpt::decode_dtype_by_name("int8"), gpt::DecodeDtype::int8);
}

void expect_error(const std::function<void()>& call, ErrorKind kind, const std::string& text) {
  try {
    call();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_EQ(std::string(error.what()), text);
  }
}

TEST(GptDecoder, RefusesWhatItCannotDo) {
  expect_error([] { (void)gpt::decode_dtype_by_name("fp4"); }, ErrorKind::usage,
               "decode_dtype=fp4 is unknown, use forward, float32, bf16 or int8");
  expect_error([] { gpt::Decoder(small_gpt(bare_config()), gpt::DecodeDtype::int8); }, ErrorKind::usage,
               "a float64 model can't be used in float32");
  gpt::Decoder decoder(float32_gpt(bare_config()), gpt::DecodeDtype::float32);
  gpt::KvCache cache = decoder.make_cache(1, 4);
  const std::vector<int64_t> bad = {11};
  expect_error([&] { (void)decoder.step(bad, cache); }, ErrorKind::data,
               "token 11 is outside the model's vocabulary of 11, use the tokenizer that the model was trained with");
  EXPECT_EQ(cache.length(), 0);
}

}  // namespace
}  // namespace tern::test
