// A GPT that goes on from a cache one token at a time, as fast as its weights can be read: every matrix is read once
// per token, in float32, bfloat16 or int8 (kernels/matvec/matvec.h), keys and values stay where they are, and nothing
// is allocated but for the logits. Activations, keys and values are float32. On the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/matvec/matvec.h"
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
  struct Layer {
    std::vector<kernels::MatvecWeight> qkv, proj, fc, mlp_proj;
    at::Tensor ve_gate, value_embedding;  // undefined in layers without
    int64_t window = 0;
    float resid_lambda = 1, x0_lambda = 0;
  };
  // Activations of a token, [rows, ...].
  struct Room {
    at::Tensor x, x0, normed, middle, qkv, scores, attended, branch, hidden;
  };

  void make_room(const KvCache& cache);
  [[nodiscard]] at::Tensor embed(std::span<const int64_t> tokens, const KvCache& cache);
  void prefetch_value_embeddings(std::span<const int64_t> tokens) const;
  void add_value_embedding(const Layer& layer, std::span<const int64_t> tokens);
  void attend(const Layer& layer, int64_t index, std::span<const int64_t> tokens, KvCache& cache);
  void feed_forward(const Layer& layer);

  Gpt model_;  // float32, shares the weights
  std::vector<Layer> layers_;
  std::vector<kernels::MatvecWeight> lm_head_;
  at::Tensor wte_, smear_gate_, smear_lambda_, backout_lambda_;
  Room room_;
};

// Null where Gpt::hidden is what is asked for: `forward` of a model that doesn't compute in float32, or not on the CPU.
// Throws Error(usage) for another type on a GPU.
[[nodiscard]] std::shared_ptr<Decoder> make_decoder(const Gpt& model, DecodeDtype dtype);

}  // namespace tern::gpt
