// Attention in plain loops, forward and backward, with roundings of choice.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/attention/attention_params.h"

namespace tern::kernels::test {

// Dense [batch, heads, seq, head_dim].
struct HeadTensor {
  size_t batch, heads, seq, head_dim;
  std::vector<double> values;

  HeadTensor(size_t batch_, size_t heads_, size_t seq_, size_t head_dim_)
      : batch(batch_), heads(heads_), seq(seq_), head_dim(head_dim_), values(batch * heads * seq * head_dim) {}
  [[nodiscard]] double* row(size_t b, size_t h, size_t t) { return &values[((b * heads + h) * seq + t) * head_dim]; }
  [[nodiscard]] const double* row(size_t b, size_t h, size_t t) const {
    return &values[((b * heads + h) * seq + t) * head_dim];
  }
};

struct AttentionProblem {
  AttentionShape shape;
  HeadTensor q, k, v, dout;
  std::vector<float> cos, sin;  // empty: no rotation
  float direction = 1;
  AttentionNorm norm;
  double scale = 0;
};

struct AttentionResult {
  HeadTensor out, dq, dk, dv;
  std::vector<double> lse;  // [batch, heads, seq]
};

enum class Precision {
  float64,
  bfloat16,  // as a program without fusion: every intermediate tensor is rounded. Its error is the measure for the
             // kernels
  prepared   // float64, but rotated and normalised q and k are rounded once: what the forward kernel comes close to
};
AttentionResult plain_attention(const AttentionProblem& problem, Precision precision);

double round_to_bfloat16(double value);
double largest(const std::vector<double>& values);
double largest_difference(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace tern::kernels::test
