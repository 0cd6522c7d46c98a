// Text from a prompt, token by token, with a cache of keys and values.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "models/gpt/decoder.h"
#include "models/gpt/gpt.h"

namespace tern::gpt {

struct SamplingOptions {
  double temperature = 1;  // 0: always the likeliest token
  int64_t top_k = 0;       // only among the k likeliest; 0: all
};

// The next token of each row of logits, [B, vocab]: [B] int64. Draws from generator unless temperature is 0, as
// torch.multinomial does. Throws Error(usage) for a negative temperature or top_k.
[[nodiscard]] at::Tensor sample(const at::Tensor& logits, const SamplingOptions& options, at::Generator& generator);

struct GenerateOptions {
  SamplingOptions sampling;
  int64_t max_tokens = 16;
  int64_t num_samples = 1;
  uint64_t seed = 42;
  std::vector<int64_t> stop_tokens;  // one of these ends a sample; it is not part of it
  DecodeDtype decode_dtype = DecodeDtype::forward;
  // The model's own, for those who generate more than once: its weights are converted once. Null: one is made for the
  // call, of decode_dtype.
  std::shared_ptr<Decoder> decoder{};
};

// Called with the new token of every sample (-1 for those that have ended).
using TokenCallback = std::function<void(const std::vector<int64_t>&)>;

// num_samples continuations of the prompt (at least one token), without the prompt. The prompt is computed once for
// all. Throws Error(usage) when prompt and max_tokens together are over the model's limit.
[[nodiscard]] std::vector<std::vector<int64_t>> generate(const Gpt& model, const std::vector<int64_t>& prompt,
                                                         const GenerateOptions& options,
                                                         const TokenCallback& on_tokens = {});

}  // namespace tern::gpt
