// Loads, stores and loops on top of at::vec for the *_cpu.cpp files, which are compiled once per vector level. Elements
// are float, bfloat16 or double in memory; arithmetic is in float32, or in float64 for double.
//
// Everything is in an unnamed namespace on purpose: the same names mean different instructions in every object file,
// and a shared symbol would let the linker put AVX-512 code into the path of a processor without it.
#pragma once

#include <ATen/cpu/vec/vec.h>
#include <c10/util/BFloat16.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {
namespace {

#if defined(CPU_CAPABILITY_AVX512)
[[maybe_unused]] constexpr CpuLevel kLevel = CpuLevel::avx512;
#elif defined(CPU_CAPABILITY_AVX2)
[[maybe_unused]] constexpr CpuLevel kLevel = CpuLevel::avx2;
#else
[[maybe_unused]] constexpr CpuLevel kLevel = CpuLevel::baseline;
#endif

template <class T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

template <class T>
using Vec = at::vec::Vectorized<Compute<T>>;

// Number of elements of one vector; Count is either this constant (a full vector) or an int64_t (the tail of a row).
template <class T>
using FullCount = std::integral_constant<int64_t, Vec<T>::size()>;
template <class Count>
constexpr bool kIsFull = !std::is_same_v<Count, int64_t>;

inline at::vec::Vectorized<float> load_full(const float* p) {
  return at::vec::Vectorized<float>::loadu(p);
}
inline at::vec::Vectorized<double> load_full(const double* p) {
  return at::vec::Vectorized<double>::loadu(p);
}
inline at::vec::Vectorized<float> load_full(const c10::BFloat16* p) {
  at::vec::Vectorized<float> v;
  at::vec::load_fp32_from_bf16(p, v);
  return v;
}

inline void store_full(float* p, const at::vec::Vectorized<float>& v) {
  v.store(p);
}
inline void store_full(double* p, const at::vec::Vectorized<double>& v) {
  v.store(p);
}
inline void store_full(c10::BFloat16* p, const at::vec::Vectorized<float>& v) {
#if defined(CPU_CAPABILITY_AVX512)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), at::vec::cvtfp32_bf16(v));
#elif defined(CPU_CAPABILITY_AVX2)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), at::vec::cvtfp32_bf16(v));
#else
  float lanes[at::vec::Vectorized<float>::size()];
  v.store(lanes);
  for (int i = 0; i < at::vec::Vectorized<float>::size(); ++i) p[i] = c10::BFloat16(lanes[i]);
#endif
}

// Elements past the tail are read as 0.
template <class T, class Count>
inline Vec<T> load(const T* p, Count count) {
  if constexpr (kIsFull<Count>) {
    return load_full(p);
  } else if constexpr (std::is_same_v<T, c10::BFloat16>) {
    T padded[Vec<T>::size()] = {};
    std::memcpy(padded, p, static_cast<size_t>(count) * sizeof(T));
    return load_full(padded);
  } else {
    return Vec<T>::loadu(p, count);
  }
}

template <class T, class Count>
inline void store(T* p, const Vec<T>& v, Count count) {
  if constexpr (kIsFull<Count>) {
    store_full(p, v);
  } else {
    T padded[Vec<T>::size()];
    store_full(padded, v);
    std::memcpy(p, padded, static_cast<size_t>(count) * sizeof(T));
  }
}

// A result that is larger than the caches keep is better written past them: its lines need not be read first, which is
// a third of the traffic of reading one array and writing another. Asks for the address of a full vector;
// end_past_caches before other threads may read.
inline void store_past_caches(float* p, const at::vec::Vectorized<float>& v) {
#if defined(CPU_CAPABILITY_AVX512)
  _mm512_stream_ps(p, v);
#elif defined(CPU_CAPABILITY_AVX2)
  _mm256_stream_ps(p, v);
#else
  v.store(p);
#endif
}
inline void store_past_caches(double* p, const at::vec::Vectorized<double>& v) {
  v.store(p);
}
inline void store_past_caches(c10::BFloat16* p, const at::vec::Vectorized<float>& v) {
#if defined(CPU_CAPABILITY_AVX512)
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), at::vec::cvtfp32_bf16(v));
#elif defined(CPU_CAPABILITY_AVX2)
  _mm_stream_si128(reinterpret_cast<__m128i*>(p), at::vec::cvtfp32_bf16(v));
#else
  store_full(p, v);
#endif
}
inline void end_past_caches() {
#if defined(CPU_CAPABILITY_AVX512) || defined(CPU_CAPABILITY_AVX2)
  _mm_sfence();
#endif
}
template <class T>
inline bool is_vector_place(const T* p) {
  return reinterpret_cast<uintptr_t>(p) % (static_cast<size_t>(Vec<T>::size()) * sizeof(T)) == 0;
}
// Of a result of so many elements. In place the lines are in the caches already.
template <class T>
inline bool goes_past_caches(int64_t size, const T* in, const T* out) {
  constexpr int64_t kBytes = int64_t{4} << 20;
  return size * static_cast<int64_t>(sizeof(T)) >= kBytes && in != out;
}
template <bool past_caches, class T, class Count>
inline void store_result(T* p, const Vec<T>& v, Count count) {
  if constexpr (past_caches && kIsFull<Count>) {
    store_past_caches(p, v);
  } else {
    store(p, v, count);
  }
}

// Calls body(offset, count) over [0, size) in vectors of T; only the last call may have a count below a full vector.
template <class T, class Body>
inline void for_each_vector(int64_t size, Body&& body) {
  constexpr FullCount<T> full;
  int64_t i = 0;
  for (; i + full <= size; i += full) body(i, full);
  if (i < size) body(i, size - i);
}

// Lanes are added from the first to the last, so the sum does not depend on anything but the lanes.
template <class T>
inline T sum_lanes(const at::vec::Vectorized<T>& v) {
  T lanes[at::vec::Vectorized<T>::size()];
  v.store(lanes);
  T sum = lanes[0];
  for (int i = 1; i < at::vec::Vectorized<T>::size(); ++i) sum += lanes[i];
  return sum;
}

// The same of four vectors at a time, by a tree that is the same for all four: sums[r] depends on v[r] alone.
inline void sum_lanes_of_four(const at::vec::Vectorized<float> (&v)[4], float* sums) {
#if defined(CPU_CAPABILITY_AVX512)
  const auto half = [](const __m512& x) {
    return _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  };
#elif defined(CPU_CAPABILITY_AVX2)
  const auto half = [](const __m256& x) { return x; };
#endif
#if defined(CPU_CAPABILITY_AVX512) || defined(CPU_CAPABILITY_AVX2)
  const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(half(v[0]), half(v[1])), _mm256_hadd_ps(half(v[2]), half(v[3])));
  _mm_storeu_ps(sums, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
#else
  for (int r = 0; r < 4; ++r) sums[r] = sum_lanes(v[r]);
#endif
}

// e^x within 2 units in the last place for float32, 0 below the smallest normal number, infinite above 2^127.5 (x above
// 88.37), NaN for NaN. Inlined, hence
// several times faster than a call into Sleef. x = n ln 2 + r with |r| <= ln 2 / 2; the polynomial is that of Cephes'
// expf.
inline at::vec::Vectorized<float> fast_exp(const at::vec::Vectorized<float>& x) {
  using V = at::vec::Vectorized<float>;
  const V smallest(-87.33654f);
  const V clamped = at::vec::clamp(x, smallest, V(88.72283f));
  const V n = (clamped * V(1.44269504088896341f)).round();
  V r = at::vec::fmadd(n, V(-0.693359375f), clamped);
  r = at::vec::fmadd(n, V(2.12194440e-4f), r);
  V p = at::vec::fmadd(V(1.9875691500e-4f), r, V(1.3981999507e-3f));
  p = at::vec::fmadd(p, r, V(8.3334519073e-3f));
  p = at::vec::fmadd(p, r, V(4.1665795894e-2f));
  p = at::vec::fmadd(p, r, V(1.6666665459e-1f));
  p = at::vec::fmadd(p, r, V(5.0000001201e-1f));
  p = at::vec::fmadd(p, r * r, r + V(1.0f));
  const auto exponent = at::vec::convert_to_int_of_same_size(n) + at::vec::Vectorized<int32_t>(127);
  const V power = at::vec::cast<float>(exponent << at::vec::Vectorized<int32_t>(23));
  return V::blendv(p * power, V(0.0f), x < smallest);
}
inline at::vec::Vectorized<double> fast_exp(const at::vec::Vectorized<double>& x) {
  return x.exp();
}

// tanh within 2 units in the last place, NaN for NaN. Inlined, as fast_exp. The polynomial below 0.625 is that of
// Cephes' tanhf.
inline at::vec::Vectorized<float> fast_tanh(const at::vec::Vectorized<float>& x) {
  using V = at::vec::Vectorized<float>;
  const V z = x * x;
  V p = at::vec::fmadd(V(-5.70498872745e-3f), z, V(2.06390887954e-2f));
  p = at::vec::fmadd(p, z, V(-5.37397155531e-2f));
  p = at::vec::fmadd(p, z, V(1.33314422036e-1f));
  p = at::vec::fmadd(p, z, V(-3.33332819422e-1f));
  const V small = at::vec::fmadd(p * z, x, x);
  const V size = x.abs();
  const V large = V(1.0f) - V(2.0f) / (fast_exp(size + size) + V(1.0f));
  return V::blendv(V::blendv(large, large.neg(), x < V(0.0f)), small, size < V(0.625f));
}

}  // namespace

// Rows (or vectors of work) that one task of at::parallel_for should have at least, so that a task is worth its start:
// about 16 k elements.
inline int64_t grain_rows(int64_t width) {
  return width >= 16384 ? 1 : 16384 / (width > 0 ? width : 1);
}

}  // namespace tern::kernels
