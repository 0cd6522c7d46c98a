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

// `columns` vectors of out = sum of weights[p] * values[p] * factor.
template <int columns, class Count>
void mix_columns(const float* weights, const float* values, int64_t seen, int64_t head_dim, float factor, float* out,
                 Count count) {
  constexpr FullCount<float> full;
  Vec<float> sums[columns];
  for (int c = 0; c < columns; ++c) sums[c] = Vec<float>(0);
  for (int64_t p = 0; p < seen; ++p, values += head_dim) {
    const Vec<float> weight(weights[p]);
    for (int c = 0; c < columns; ++c) sums[c] = at::vec::fmadd(weight, load(values + c * full, count), sums[c]);
  }
  for (int c = 0; c < columns; ++c) store(out + c * full, sums[c] * Vec<float>(factor), count);
}

// out = sum of weights[p] * values[p] / total. Whole rows of values at a time: heads of 128 channels in AVX-512.
void mix(const float* weights, const float* values, int64_t seen, int64_t head_dim, float total, float* out) {
  constexpr int kColumns = 8;
  constexpr FullCount<float> full;
  const float factor = 1 / total;
  int64_t i = 0;
  for (; i + kColumns * full <= head_dim; i += kColumns * full) {
    mix_columns<kColumns>(weights, values + i, seen, head_dim, factor, out + i, full);
  }
  for_each_vector<float>(head_dim - i, [&](int64_t j, auto count) {
    mix_columns<1>(weights, values + i + j, seen, head_dim, factor, out + i + j, count);
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
