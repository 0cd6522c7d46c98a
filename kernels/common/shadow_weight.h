// Weights that are trained in float32 and read in bfloat16: the rounded copy, the shadow, lives as long as the weight,
// and an optimizer that passes over the weight anyway writes it in the same pass (kernels/common/adam.h). A forward
// pass then reads half the bytes and casts nothing. Whatever else changes the weight (a checkpoint that is loaded, an
// exchange with averaged weights, an optimizer without shadows, an initialisation) makes the shadow stale, and the next
// refresh rounds it anew. So a shadow always has the values of weight.to(dtype).
//
// How a change is seen: by the tensor's storage and version. ATen's in-place operations raise the version; code that
// writes to a weight's memory behind ATen's back calls mark_changed.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Storage.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace tern::kernels {

// Tells ATen that the tensor's values are others now.
void mark_changed(const at::Tensor& tensor);

class ShadowWeight {
 public:
  explicit ShadowWeight(at::ScalarType dtype) : dtype_(dtype) {}

  // Gives value() the present values of weight (always the same tensor). A weight that has the dtype itself is its own
  // shadow. The copy handed out before keeps its values while someone else holds it.
  void refresh(const at::Tensor& weight);
  // As of the last refresh or written; undefined before. Shape of the weight, contiguous, without a graph.
  [[nodiscard]] const at::Tensor& value() const { return value_; }

  // For optimizers: room for the new values of weight, bfloat16. Undefined where none are wanted: nothing has read the
  // shadow yet, or it isn't bfloat16. Call written once both are in memory.
  [[nodiscard]] at::Tensor buffer();
  void written(const at::Tensor& weight);

 private:
  [[nodiscard]] bool is_fresh(const at::Tensor& weight) const;
  [[nodiscard]] bool is_shared() const;
  void note(const at::Tensor& weight);

  const at::ScalarType dtype_;
  at::Tensor value_;
  c10::Storage source_;  // what value_ was made of; held, so that no other memory gets its address
  int64_t version_ = -1;
};

// By parameter, in the order of a list of parameters; null: this one has none; empty: none has.
using ShadowWeights = std::vector<std::shared_ptr<ShadowWeight>>;

// The room in number `index` of a list, undefined without one.
[[nodiscard]] at::Tensor shadow_buffer(const ShadowWeights& shadows, size_t index);

// A weight with its shadow, as a model holds it.
struct ShadowedWeight {
  at::Tensor weight;
  std::shared_ptr<ShadowWeight> shadow;

  // The weight in the shadow's dtype, up to date. With autograd: the gradient goes on to the weight, in its own dtype,
  // as through weight.to(dtype).
  [[nodiscard]] at::Tensor read() const;
  [[nodiscard]] bool defined() const { return weight.defined(); }
};

}  // namespace tern::kernels
