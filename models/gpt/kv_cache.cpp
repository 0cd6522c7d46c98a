#include "models/gpt/kv_cache.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <utility>

#include "base/error.h"

namespace tern::gpt {

KvCache::KvCache(const GptConfig& config, int64_t rows, int64_t capacity, const at::TensorOptions& options)
    : keys_(at::empty({config.n_layer, rows, config.n_kv_head, capacity, config.head_dim()}, options)),
      values_(at::empty_like(keys_)) {}

KvCache KvCache::repeat(int64_t rows, int64_t capacity) const {
  TERN_CHECK(this->rows() == 1 && capacity >= length_, "one row and room for it");
  const auto grown = [&](const at::Tensor& one) {
    at::Tensor all = at::empty({one.size(0), rows, one.size(2), capacity, one.size(4)}, one.options());
    all.narrow(3, 0, length_).copy_(one.narrow(3, 0, length_).expand({-1, rows, -1, -1, -1}));
    return all;
  };
  KvCache copy;
  copy.keys_ = grown(keys_);
  copy.values_ = grown(values_);
  copy.length_ = length_;
  if (previous_embedding_.defined()) copy.previous_embedding_ = previous_embedding_.expand({rows, -1, -1}).contiguous();
  return copy;
}

void KvCache::write(int64_t layer, const at::Tensor& keys, const at::Tensor& values) {
  const int64_t count = keys.size(2);
  TERN_CHECK(length_ + count <= capacity(), "cache of " + std::to_string(capacity()) + " tokens is full");
  keys_.select(0, layer).narrow(2, length_, count).copy_(keys);
  values_.select(0, layer).narrow(2, length_, count).copy_(values);
}

at::Tensor KvCache::keys(int64_t layer, int64_t new_tokens) const {
  return keys_.select(0, layer).narrow(2, 0, length_ + new_tokens);
}

at::Tensor KvCache::values(int64_t layer, int64_t new_tokens) const {
  return values_.select(0, layer).narrow(2, 0, length_ + new_tokens);
}

void KvCache::advance(int64_t new_tokens, at::Tensor last_embedding) {
  length_ += new_tokens;
  previous_embedding_ = std::move(last_embedding);
}

}  // namespace tern::gpt
