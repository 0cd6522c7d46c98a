#include "kernels/decode_attention/decode_attention_cpu.h"

#include <algorithm>
#include <limits>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

// Positions whose scores are computed together.
constexpr int kBlock = 4;

// q . keys[p] for `count` positions; sums has room for kBlock.
template <int count>
void dot_keys(const float* q, const float* keys, int64_t head_dim, float* sums) {
  Vec<float> sum[kBlock];
  for (int p = 0; p < kBlock; ++p) sum[p] = Vec<float>(0);
  for_each_vector<float>(head_dim, [&](int64_t i, auto width) {
    const Vec<float> v = load(q + i, width);
    for (int p = 0; p < count; ++p) sum[p] = at::vec::fmadd(v, load(keys + p * head_dim + i, width), sum[p]);
  });
  sum_lanes_of_four(sum, sums);
}

// scores[p] = scale * q . keys[p]; returns the largest.
float score(const float* q, const float* keys, int64_t seen, int64_t head_dim, float scale, float* scores) {
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t begin = 0; begin < seen; begin += kBlock) {
    const int64_t count = std::min<int64_t>(kBlock, seen - begin);
    float sums[kBlock];
    if (count == kBlock) {
      dot_keys<kBlock>(q, keys + begin * head_dim, head_dim, sums);
    } else {
      for (int64_t p = 0; p < count; ++p) {
        float one[kBlock];
        dot_keys<1>(q, keys + (begin + p) * head_dim, head_dim, one);
        sums[p] = one[0];
      }
    }
    for (int64_t p = 0; p < count; ++p) {
      scores[begin + p] = scale * sums[p];
      largest = std::max(largest, scores[begin + p]);
    }
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
void decode_attention_cpu(const DecodeAttention& a, int64_t begin, int64_t end) {
  const int64_t group = a.num_heads / a.num_kv_heads;
  for (int64_t index = begin; index < end; ++index) {
    const int64_t row = index / a.num_heads, head = index % a.num_heads;
    const int64_t at = ((row * a.num_kv_heads + head / group) * a.positions + a.length - a.seen) * a.head_dim;
    float* scores = a.scores + index * a.positions;
    const float largest =
        score(a.q + row * a.q_stride + head * a.head_dim, a.keys + at, a.seen, a.head_dim, a.scale, scores);
    const float total = exponentiate(scores, a.seen, largest);
    mix(scores, a.values + at, a.seen, a.head_dim, total, a.out + index * a.head_dim);
  }
}

template void decode_attention_cpu<kLevel>(const DecodeAttention&, int64_t, int64_t);

}  // namespace tern::kernels
