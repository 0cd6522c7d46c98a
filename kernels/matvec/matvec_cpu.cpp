#include "kernels/matvec/matvec_cpu.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

// Rows of a weight that share the loads of x and hide each other's latency.
constexpr int kBlock = 4;

template <class W, class Count>
Vec<float> load_weight(const W* p, Count count) {
  return load(p, count);
}

Vec<float> load_int8(const int8_t* p) {
#if defined(CPU_CAPABILITY_AVX512)
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(CPU_CAPABILITY_AVX2)
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#else
  float lanes[Vec<float>::size()];
  for (int i = 0; i < Vec<float>::size(); ++i) lanes[i] = p[i];
  return Vec<float>::loadu(lanes);
#endif
}

template <class Count>
Vec<float> load_weight(const int8_t* p, Count count) {
  if constexpr (kIsFull<Count>) {
    return load_int8(p);
  } else {
    int8_t padded[Vec<float>::size()] = {};
    std::memcpy(padded, p, static_cast<size_t>(count));
    return load_int8(padded);
  }
}

// Dot products of x with `block` rows of a weight.
template <int block, class W>
void dot_rows(const float* x, int64_t in, const W* weight, float* sums) {
  Vec<float> sum[block];
  for (int r = 0; r < block; ++r) sum[r] = Vec<float>(0);
  for_each_vector<W>(in, [&](int64_t i, auto count) {
    const Vec<float> v = load(x + i, count);
    for (int r = 0; r < block; ++r) sum[r] = at::vec::fmadd(load_weight(weight + r * in + i, count), v, sum[r]);
  });
  for (int r = 0; r < block; ++r) sums[r] = sum_lanes(sum[r]);
}

// Rows [begin, end) of one weight; y is where their first result goes, `stride` further for the next row of x.
template <class W>
void part_rows(const float* x, int64_t rows, int64_t in, const MatvecPart<W>& part, int64_t begin, int64_t end,
               float* y, int64_t stride) {
  for (int64_t o = begin; o < end; o += kBlock) {
    const int64_t count = std::min<int64_t>(kBlock, end - o);
    for (int64_t row = 0; row < rows; ++row) {
      float sums[kBlock];
      if (count == kBlock) {
        dot_rows<kBlock>(x + row * in, in, part.values + o * in, sums);
      } else {
        for (int64_t r = 0; r < count; ++r) dot_rows<1>(x + row * in, in, part.values + (o + r) * in, sums + r);
      }
      for (int64_t r = 0; r < count; ++r) {
        y[row * stride + o - begin + r] = part.scales == nullptr ? sums[r] : sums[r] * part.scales[o + r];
      }
    }
  }
}

}  // namespace

template <CpuLevel level, class W>
void matvec_cpu(const float* x, int64_t rows, int64_t in, const MatvecPart<W>* parts, int64_t part_count, float* y) {
  int64_t total = 0;
  for (int64_t p = 0; p < part_count; ++p) total += parts[p].out;
  at::parallel_for(0, total, grain_rows(in * rows), [&](int64_t begin, int64_t end) {
    int64_t first = 0;  // of the part
    for (int64_t p = 0; p < part_count; ++p) {
      const int64_t from = std::max(begin, first), to = std::min(end, first + parts[p].out);
      if (from < to) part_rows(x, rows, in, parts[p], from - first, to - first, y + from, total);
      first += parts[p].out;
    }
  });
}

template void matvec_cpu<kLevel>(const float*, int64_t, int64_t, const MatvecPart<float>*, int64_t, float*);
template void matvec_cpu<kLevel>(const float*, int64_t, int64_t, const MatvecPart<c10::BFloat16>*, int64_t, float*);
template void matvec_cpu<kLevel>(const float*, int64_t, int64_t, const MatvecPart<int8_t>*, int64_t, float*);

}  // namespace tern::kernels
