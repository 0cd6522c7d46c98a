// Problems that the forward and backward cases of attention share, and how they lie in memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/attention/attention.cuh"
#include "tests/kernels/cuda_proof/attention_reference.h"
#include "tests/kernels/cuda_proof/proof.h"

namespace tern::kernels::test {

struct AttentionSetup {
  std::string name;
  int head_dim, batch, seq_q, seq_k, heads, kv_heads;
  int keys_left = kAttentionUnlimited, keys_right = kAttentionUnlimited;
  float direction = 0;  // of the rotation, 0 for none
  float gain = 0;       // of the norm, 0 for none
  bool packed = true;  // q, k, v are parts of each token's projection; else three tensors [batch, heads, seq, head_dim]
  bool large = false;
};
std::vector<AttentionSetup> attention_setups();

// Where a HeadTensor lies in a buffer.
struct Place {
  size_t offset;
  int64_t batch, head;
  int token;
};

class AttentionData {
 public:
  explicit AttentionData(const AttentionSetup& setup);

  const AttentionProblem problem;
  [[nodiscard]] const AttentionResult& exact() const { return lazily(exact_, Precision::float64); }
  [[nodiscard]] const AttentionResult& rounded() const { return lazily(rounded_, Precision::bfloat16); }
  [[nodiscard]] const AttentionResult& forward() const { return lazily(forward_, Precision::prepared); }

  // q, k and v in one buffer; out, and dout like it, in another.
  [[nodiscard]] size_t qkv_size() const { return problem.q.values.size() + 2 * problem.k.values.size(); }
  [[nodiscard]] std::vector<Bf16> qkv() const;
  [[nodiscard]] std::vector<Bf16> like_out(const HeadTensor& values) const;
  Place q, k, v, out;

  // Parameters over device memory that holds qkv() and the tables.
  [[nodiscard]] AttentionInputs inputs(const Bf16* device_qkv, const float* cos, const float* sin) const;
  // Values of a HeadTensor shaped like `shape`.
  [[nodiscard]] static Output gather(const std::string& name, const std::vector<Bf16>& buffer, const Place& place,
                                     const HeadTensor& shape);

 private:
  const AttentionResult& lazily(std::unique_ptr<AttentionResult>& result, Precision precision) const;

  mutable std::unique_ptr<AttentionResult> exact_, rounded_, forward_;
};

template <class T>
AttentionTensor<T> tensor_at(T* buffer, const Place& place) {
  return {buffer + place.offset, place.batch, place.head, place.token};
}

}  // namespace tern::kernels::test
