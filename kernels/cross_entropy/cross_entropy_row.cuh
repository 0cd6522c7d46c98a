// What is known of one row of logits, gathered piece by piece in registers of many threads and merged; formulas in
// cross_entropy.h.
//
// Upstream computes in float64. Here float32 gets within 1e-6 of that, because the label's own logit is kept apart:
//
//   stablemax:  loss = log(1 + rest / s(z_label)),  rest = sum of s(z_j) over j != label
//
// so that nothing is ever subtracted from something of its own size: rest has only positive terms (each within 2 units
// in the last place) and is summed with its rounding errors, log1p keeps the small loss of a confident row, and the
// label's gradient is -rest / sum instead of the difference p - 1. Softmax likewise, with terms exp(z_j - largest).
#pragma once

#include <cstdint>

#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

constexpr float kInfinity = __builtin_huge_valf();
constexpr int kNoColumn = 0x7fffffff;

// A sum with the roundings of its additions beside it (Knuth's two-sum).
struct CompensatedSum {
  float high, low;
};

__device__ __forceinline__ CompensatedSum add(const CompensatedSum& a, const CompensatedSum& b) {
  const float sum = a.high + b.high, part = sum - a.high;
  return {sum, (a.low + b.low) + ((a.high - (sum - part)) + (b.high - part))};
}

// z(x) = cap tanh(x / cap); x itself where cap is 0.
__device__ __forceinline__ float soft_cap(float x, float cap) {
  return cap == 0.0f ? x : cap * tanhf(x / cap);
}

// dz/dx = 4 e / (1 + e)^2 with e = exp(-2 |x| / cap): unlike 1 - tanh^2 without cancellation. Beyond 64 caps it is 0.
__device__ __forceinline__ float soft_cap_slope(float x, float cap) {
  if (cap == 0.0f) return 1.0f;
  const float size = fminf(fabsf(x), 64.0f * cap), quotient = size / cap;
  const float rounding = fmaf(-quotient, cap, size) / cap;  // what the exponent lacks
  const float power = expf(-2.0f * quotient), e = fmaf(power, -2.0f * rounding, power);
  return 4.0f * e / ((1.0f + e) * (1.0f + e));
}

// Below -8e37 it is flushed to 0.
__device__ __forceinline__ float stablemax_s(float z) {
  return z < 0.0f ? fast_rcp(1.0f - z) : z + 1.0f;
}
// ds/dz
__device__ __forceinline__ float stablemax_slope(float z) {
  const float s = fast_rcp(1.0f - z);
  return z < 0.0f ? s * s : 1.0f;
}

// Does x in column i come before y in column j when looking for the first of the largest? A NaN is the largest.
__device__ __forceinline__ bool is_better(float x, int i, float y, int j) {
  const bool x_is_nan = x != x, y_is_nan = y != y;
  if (x_is_nan || y_is_nan) return x_is_nan && (!y_is_nan || i < j);
  return x > y || (x == y && i < j);
}

// Some of a row's columns, the label's not among them.
struct CrossEntropyPart {
  float best;           // largest logit
  int column;           // its first column; kNoColumn while only -inf was seen
  float largest;        // softmax: best, capped
  CompensatedSum rest;  // stablemax: of s(z), softmax: of exp(z - largest)
};

__device__ __forceinline__ CrossEntropyPart empty_part() {
  return {-kInfinity, kNoColumn, -kInfinity, {0.0f, 0.0f}};
}

// exp(z - largest) where both may be -inf: then the term counts nothing.
__device__ __forceinline__ float softmax_term(float z, float largest) {
  return expf(z - (largest == -kInfinity ? 0.0f : largest));
}

__device__ __forceinline__ void rescale(CrossEntropyPart& part, float largest) {
  if (part.largest == largest) return;
  const float factor = softmax_term(part.largest, largest);
  part.largest = largest;
  part.rest.high *= factor;
  part.rest.low *= factor;
}

// Adds logits x[j] of columns first + j * stride, those with bit j of keep.
template <bool stablemax, int count>
__device__ __forceinline__ void gather(CrossEntropyPart& part, const float (&x)[count], unsigned keep, int first,
                                       int stride, float cap) {
#pragma unroll
  for (int j = 0; j < count; ++j) {
    const bool better = !(x[j] <= part.best) && part.best == part.best;
    if (better && (keep >> j & 1u) != 0) part.best = x[j], part.column = first + j * stride;
  }
  if constexpr (!stablemax) rescale(part, soft_cap(part.best, cap));
  float terms[count];
#pragma unroll
  for (int j = 0; j < count; ++j) {
    const float z = soft_cap(x[j], cap);
    const float term = stablemax ? stablemax_s(z) : softmax_term(z, part.largest);
    terms[j] = (keep >> j & 1u) != 0 ? term : 0.0f;
  }
#pragma unroll
  for (int width = count / 2; width > 0; width /= 2)
#pragma unroll
    for (int j = 0; j < width; ++j) terms[j] += terms[j + width];
  part.rest = add(part.rest, {terms[0], 0.0f});
}

template <bool stablemax>
__device__ __forceinline__ void merge(CrossEntropyPart& part, CrossEntropyPart other) {
  const bool better = is_better(other.best, other.column, part.best, part.column);
  const float largest = better ? other.largest : part.largest;
  if (better) part.best = other.best, part.column = other.column;
  if constexpr (!stablemax) {
    rescale(part, largest);
    rescale(other, largest);
  }
  part.rest = add(part.rest, other.rest);
}

// The part of the lane `offset` away.
__device__ __forceinline__ CrossEntropyPart shuffle_part(const CrossEntropyPart& part, int offset) {
  CrossEntropyPart other;
  other.best = __shfl_xor_sync(0xffffffffu, part.best, offset);
  other.column = __shfl_xor_sync(0xffffffffu, part.column, offset);
  other.largest = __shfl_xor_sync(0xffffffffu, part.largest, offset);
  other.rest.high = __shfl_xor_sync(0xffffffffu, part.rest.high, offset);
  other.rest.low = __shfl_xor_sync(0xffffffffu, part.rest.low, offset);
  return other;
}

// The label of a row. An ignored row has no column; nor has a label that is out of range, whose logit is NaN, so that
// loss and gradient show the mistake.
struct CrossEntropyLabel {
  int column = -1;
  bool counts = false;  // not ignored
  float logit = 0.0f;
};

template <class T>
__device__ __forceinline__ CrossEntropyLabel read_label(const T* row, int64_t label, int64_t ignore_index, int vocab) {
  CrossEntropyLabel result;
  result.counts = label != ignore_index;
  if (!result.counts) return result;
  const bool in_range = label >= 0 && label < vocab;
  if (in_range) result.column = static_cast<int>(label);
  result.logit = in_range ? to_float(row[label]) : __uint_as_float(0x7fffffffu);
  return result;
}

// A row that all its columns have been gathered of.
struct CrossEntropyRow {
  float loss;
  int argmax;
  float largest;      // softmax: what the terms' exponents are relative to
  float scale;        // d loss / dz_j = scale * exp(z_j - largest), or scale * s'(z_j); not for the label
  float label_slope;  // d loss / dz_label
};

__device__ __forceinline__ CrossEntropyRow finish_softmax(const CrossEntropyPart& part, float z_label) {
  CrossEntropyRow row;
  const float rest = part.rest.high + part.rest.low, above = part.largest - z_label;
  if (above <= 0.0f) {  // the label is the largest: exponents relative to it
    const float back = above - part.largest;
    const float rounding = above == -kInfinity ? 0.0f : (part.largest - (above - back)) - (z_label + back);
    const float power = expf(above) * rest;
    // An infinite logit of the label must not pass as a certain one.
    const float others = fmaf(power, rounding, power) + (z_label - z_label);
    row.loss = log1pf(others);
    row.largest = z_label;
    row.scale = 1.0f / (1.0f + others);
    row.label_slope = -others * row.scale;
  } else {
    const float sum = rest + expf(-above);
    row.loss = above + logf(sum);
    row.largest = part.largest;
    row.scale = 1.0f / sum;
    row.label_slope = -rest * row.scale;
  }
  return row;
}

__device__ __forceinline__ CrossEntropyRow finish_stablemax(const CrossEntropyPart& part, float z_label) {
  CrossEntropyRow row;
  const float s_label = stablemax_s(z_label);
  // An infinite logit of the label must not pass as a certain one.
  const float rest = part.rest.high + part.rest.low + (s_label - s_label), sum = rest + s_label;
  const float ratio = rest / s_label;
  row.loss = ratio == kInfinity ? logf(sum) - logf(s_label) : log1pf(ratio);
  row.largest = 0.0f;
  row.scale = 1.0f / sum;
  // -s'(z) rest / (sum s(z)), where s' is s^2 or 1
  row.label_slope = -(rest / sum) * (z_label < 0.0f ? s_label : 1.0f / s_label);
  return row;
}

template <bool stablemax>
__device__ __forceinline__ CrossEntropyRow finish(const CrossEntropyPart& part, const CrossEntropyLabel& label,
                                                  float cap) {
  const float z_label = soft_cap(label.logit, cap);
  CrossEntropyRow row = stablemax ? finish_stablemax(part, z_label) : finish_softmax(part, z_label);
  const bool label_is_best = label.column >= 0 && is_better(label.logit, label.column, part.best, part.column);
  const int column = label_is_best ? label.column : part.column;
  row.argmax = (label_is_best ? label.logit : part.best) == -kInfinity ? 0 : column;
  row.label_slope *= soft_cap_slope(label.logit, cap);
  if (!label.counts) row.loss = 0.0f;
  return row;
}

// d loss / dx of a column other than the label's.
template <bool stablemax>
__device__ __forceinline__ float slope(const CrossEntropyRow& row, float x, float cap) {
  const float z = soft_cap(x, cap);
  const float by_z = stablemax ? stablemax_slope(z) : expf(z - row.largest);
  return row.scale * by_z * soft_cap_slope(x, cap);
}

}  // namespace tern::kernels
