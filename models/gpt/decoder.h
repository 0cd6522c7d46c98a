// A GPT that goes on from a cache one token at a time, as fast as its weights can be read: every matrix is read once
// per token, in float32, bfloat16 or int8 (kernels/matvec/matvec.h), keys and values stay where they are, all threads
// go through the layers together, and memory is used again. Activations, keys and values are float32. On the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/gpt/decoder_pass.h"
#include "models/gpt/gpt.h"

namespace tern::gpt {

// Type of the matrices while a text is generated. forward: as the forward pass computes, in float32 by the Decoder, in
// bfloat16 and float64 by Gpt::hidden.
enum class DecodeDtype { forward, float32, bf16, int8 };

// By the names above. Throws Error(usage) for any other.
[[nodiscard]] DecodeDtype decode_dtype_by_name(const std::string& name);

// The same model in float32 whose matrices have the values that a Decoder of that type multiplies with, to measure what
// they do to the loss. Shares all other weights. The model itself for forward.
[[nodiscard]] Gpt with_decode_weights(const Gpt& model, DecodeDtype dtype);

class Decoder {
 public:
  // Converts the matrices; float32 ones are shared with the model. Throws Error(usage) for a float64 model.
  Decoder(const Gpt& model, DecodeDtype dtype);

  [[nodiscard]] const GptConfig& config() const { return model_.config(); }
  [[nodiscard]] KvCache make_cache(int64_t rows, int64_t capacity) const { return model_.make_cache(rows, capacity); }

  // Logits [1, vocab] of what follows the prompt, which an empty cache takes up. By the model's own matrices: many
  // tokens at once are no matter of memory.
  [[nodiscard]] at::Tensor prefill(const std::vector<int64_t>& prompt, KvCache& cache);

  // Logits [rows, vocab], float32, of what follows one more token per row. Throws Error(data) for a token outside the
  // vocabulary.
  [[nodiscard]] at::Tensor step(std::span<const int64_t> tokens, KvCache& cache);

 private:
  [[nodiscard]] at::Tensor logits_room(int64_t rows);

  Gpt model_;  // float32, shares the weights
  DecoderWeights weights_;
  DecoderRoom room_;
  std::array<at::Tensor, 2> logits_;
};

// Null where Gpt::hidden is what is asked for: `forward` of a model that doesn't compute in float32, or not on the CPU.
// Throws Error(usage) for another type on a GPU.
[[nodiscard]] std::shared_ptr<Decoder> make_decoder(const Gpt& model, DecodeDtype dtype);

}  // namespace tern::gpt
