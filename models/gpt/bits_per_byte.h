// Bits per byte: the loss in a unit that doesn't depend on the vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tern::gpt {

// Sums over batches; ranks add theirs up before asking for the value. A target counts unless it is negative (ignored)
// or a token of no bytes (special tokens).
struct BitsPerByte {
  double nats = 0;
  int64_t bytes = 0;

  // loss: [B, T] in nats; targets: [B, T] int64; byte_lengths: [vocab] int64, 0 for tokens that don't count.
  void add(const at::Tensor& loss, const at::Tensor& targets, const at::Tensor& byte_lengths);

  // nats / (ln 2 * bytes); infinite before any byte, as upstream.
  [[nodiscard]] double value() const;
};

}  // namespace tern::gpt
