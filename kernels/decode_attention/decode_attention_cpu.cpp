#include "kernels/decode_attention/decode_attention_cpu.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

// scores[p] = scale * q . keys[p]; returns the largest.
float score(const float* q, const float* keys, int64_t seen, int64_t head_dim, float scale, float* scores) {
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t p = 0; p < seen; ++p) {
    Vec<float> even(0), odd(0);  // two, to hide the latency of the sums
    const float* key = keys + p * head_dim;
    bool flip = false;
    for_each_vector<float>(head_dim, [&](int64_t i, auto count) {
      Vec<float>& sum = flip ? odd : even;
      sum = at::vec::fmadd(load(q + i, count), load(key + i, count), sum);
      flip = !flip;
    });
    scores[p] = scale * sum_lanes(even + odd);
    largest = std::max(largest, scores[p]);
  }
  return largest;
}

// scores = exp(scores - largest); returns their sum.
float exponentiate(float* scores, int64_t seen, float largest) {
  Vec<float> sum(0);
  float tail = 0;
  for_each_vector<float>(seen, [&](int64_t i, auto count) {
    const Vec<float> e = fast_exp(load(scores + i, count) - Vec<float>(largest));
    store(scores + i, e, count);
    if constexpr (kIsFull<decltype(count)>) {
      sum = sum + e;
    } else {
      for (int64_t j = 0; j < count; ++j) tail += scores[i + j];
    }
  });
  return sum_lanes(sum) + tail;
}

// out = sum of weights[p] * values[p] / total.
void mix(const float* weights, const float* values, int64_t seen, int64_t head_dim, float total, float* out) {
  const Vec<float> inverse(1 / total);
  for_each_vector<float>(head_dim, [&](int64_t i, auto count) {
    Vec<float> even(0), odd(0);
    int64_t p = 0;
    for (; p + 1 < seen; p += 2) {
      even = at::vec::fmadd(Vec<float>(weights[p]), load(values + p * head_dim + i, count), even);
      odd = at::vec::fmadd(Vec<float>(weights[p + 1]), load(values + (p + 1) * head_dim + i, count), odd);
    }
    if (p < seen) even = at::vec::fmadd(Vec<float>(weights[p]), load(values + p * head_dim + i, count), even);
    store(out + i, (even + odd) * inverse, count);
  });
}

}  // namespace

template <CpuLevel level>
void decode_attention_cpu(const DecodeAttention& a) {
  const int64_t group = a.num_heads / a.num_kv_heads;
  at::parallel_for(0, a.rows * a.num_heads, grain_rows(2 * a.seen * a.head_dim), [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t row = index / a.num_heads, head = index % a.num_heads;
      const int64_t at = ((row * a.num_kv_heads + head / group) * a.positions + a.first) * a.head_dim;
      float* scores = a.scores + index * a.positions;
      const float largest =
          score(a.q + row * a.q_stride + head * a.head_dim, a.keys + at, a.seen, a.head_dim, a.scale, scores);
      const float total = exponentiate(scores, a.seen, largest);
      mix(scores, a.values + at, a.seen, a.head_dim, total, a.out + index * a.head_dim);
    }
  });
}

template void decode_attention_cpu<kLevel>(const DecodeAttention&);

}  // namespace tern::kernels
