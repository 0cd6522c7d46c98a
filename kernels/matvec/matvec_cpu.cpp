#include "kernels/matvec/matvec_cpu.h"

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

// Dot products of x with `block` rows of a weight; sums has room for kBlock.
template <int block, class W>
void dot_rows(const float* x, int64_t in, const W* weight, float* sums) {
  Vec<float> sum[kBlock];
  for (int r = 0; r < kBlock; ++r) sum[r] = Vec<float>(0);
  for_each_vector<W>(in, [&](int64_t i, auto count) {
    const Vec<float> v = load(x + i, count);
    for (int r = 0; r < block; ++r) sum[r] = at::vec::fmadd(load_weight(weight + r * in + i, count), v, sum[r]);
  });
  sum_lanes_of_four(sum, sums);
}

}  // namespace

template <CpuLevel level, class W>
void matvec_cpu(const float* x, int64_t rows, int64_t in, const MatvecPart& part, int64_t begin, int64_t end, float* y,
                int64_t stride) {
  const auto* values = static_cast<const W*>(part.values);
  for (int64_t o = begin; o < end; o += kBlock) {
    const int64_t count = std::min<int64_t>(kBlock, end - o), in_part = o - part.first;
    for (int64_t row = 0; row < rows; ++row) {
      float sums[kBlock];
      if (count == kBlock) {
        dot_rows<kBlock>(x + row * in, in, values + in_part * in, sums);
      } else {
        for (int64_t r = 0; r < count; ++r) {
          float one[kBlock];
          dot_rows<1>(x + row * in, in, values + (in_part + r) * in, one);
          sums[r] = one[0];
        }
      }
      for (int64_t r = 0; r < count; ++r) {
        y[row * stride + o + r] = part.scales == nullptr ? sums[r] : sums[r] * part.scales[in_part + r];
      }
    }
  }
}

template void matvec_cpu<kLevel, float>(const float*, int64_t, int64_t, const MatvecPart&, int64_t, int64_t, float*,
                                        int64_t);
template void matvec_cpu<kLevel, c10::BFloat16>(const float*, int64_t, int64_t, const MatvecPart&, int64_t, int64_t,
                                                float*, int64_t);
template void matvec_cpu<kLevel, int8_t>(const float*, int64_t, int64_t, const MatvecPart&, int64_t, int64_t, float*,
                                         int64_t);

}  // namespace tern::kernels
