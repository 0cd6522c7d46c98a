// Products of few rows with matrices that are read from memory once, which is all that decoding a token costs:
//
//   y = [x W1^T, x W2^T, ...]
//
// Weights are float32, bfloat16 or int8; products and sums are float32 whatever the weights are. int8 has a scale per
// row, w = scale * value, value = round(w / scale), scale = largest |w| of the row / 127 (weight-only quantisation, as
// LLM.int8's vector-wise one without its outliers, Dettmers et al. 2022, arXiv 2208.07339).
//
// Every element of y is summed by one thread in a fixed order: results are the same however y is shared out.
// On the CPU. Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

namespace tern::kernels {

// A matrix in the type that it is read in.
struct MatvecWeight {
  at::Tensor values;  // [out, in]: float32, bfloat16 or int8, contiguous
  at::Tensor scales;  // [out] float32 for int8, else undefined
};

// weight: [out, in] float32, contiguous. For float32 it is shared, not copied.
[[nodiscard]] MatvecWeight pack_matvec_weight(const at::Tensor& weight, at::ScalarType type);

// The matrix that matvec multiplies with, [out, in] float32.
[[nodiscard]] at::Tensor unpack_matvec_weight(const MatvecWeight& weight);

// A product that is checked once and computed again and again, a part of y at a time.
class Matvec {
 public:
  // Weights: one or more of one type, for x of one width. Shares their memory.
  explicit Matvec(std::vector<MatvecWeight> weights);

  // Outputs that are computed together: parts that begin and end at multiples of it waste nothing.
  static constexpr int64_t kUnit = 4;

  [[nodiscard]] int64_t in() const { return weights_[0].values.size(1); }
  [[nodiscard]] int64_t out() const { return out_; }
  [[nodiscard]] at::ScalarType dtype() const { return weights_[0].values.scalar_type(); }
  // Memory that an output reads of the weights.
  [[nodiscard]] int64_t row_bytes() const { return in() * weights_[0].values.element_size(); }

  // y[row, begin ... end) of every row of x: [rows, in()]; y: [rows, out()]. On the caller's thread; nothing is
  // checked.
  void compute(const float* x, int64_t rows, int64_t begin, int64_t end, float* y) const;

 private:
  std::vector<MatvecWeight> weights_;
  int64_t out_ = 0;
};

// All of it, on all threads. x: [rows, in] float32; y: [rows, sum of the weights' out] float32, written in place if
// defined, else allocated. Both contiguous.
void matvec(const at::Tensor& x, std::span<const MatvecWeight> weights, at::Tensor& y);

}  // namespace tern::kernels
