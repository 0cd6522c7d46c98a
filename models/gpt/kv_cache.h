// Keys and values of the tokens so far, so that generation computes each token once.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/gpt/config.h"

namespace tern::gpt {

// Legend: L layers, B rows, K key/value heads, P room for positions, C head_dim, D n_embd.
class KvCache {
 public:
  // For `rows` texts that grow together to at most `capacity` tokens. options: device and dtype of the activations.
  KvCache(const GptConfig& config, int64_t rows, int64_t capacity, const at::TensorOptions& options);

  // A cache with room for `capacity` tokens whose `rows` rows are all copies of this one's only row.
  [[nodiscard]] KvCache repeat(int64_t rows, int64_t capacity) const;

  [[nodiscard]] int64_t length() const { return length_; }
  [[nodiscard]] int64_t capacity() const { return keys_.size(3); }
  [[nodiscard]] int64_t rows() const { return keys_.size(1); }

  // Writes keys and values, both [B, K, T, C], of the T tokens after length() into a layer.
  void write(int64_t layer, const at::Tensor& keys, const at::Tensor& values);
  // All keys (values) of a layer, [B, K, length() + new_tokens, C].
  [[nodiscard]] at::Tensor keys(int64_t layer, int64_t new_tokens) const;
  [[nodiscard]] at::Tensor values(int64_t layer, int64_t new_tokens) const;

  // The whole room of a layer, [B, K, capacity(), C], contiguous float32: for those who write and read it in place.
  [[nodiscard]] float* key_room(int64_t layer) { return keys_.mutable_data_ptr<float>() + layer * keys_.stride(0); }
  [[nodiscard]] float* value_room(int64_t layer) {
    return values_.mutable_data_ptr<float>() + layer * values_.stride(0);
  }

  // What smear adds to the next token: the last token's normalised embedding, [B, 1, D]; undefined before the first.
  [[nodiscard]] const at::Tensor& previous_embedding() const { return previous_embedding_; }

  // The tokens whose keys and values every layer has written are over.
  void advance(int64_t new_tokens, at::Tensor last_embedding);

 private:
  KvCache() = default;

  at::Tensor keys_;  // [L, B, K, P, C]
  at::Tensor values_;
  at::Tensor previous_embedding_;
  int64_t length_ = 0;
};

}  // namespace tern::gpt
