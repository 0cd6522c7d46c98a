// e^x with the very bits of at::vec's exp. For float32 that is a call per vector into SLEEF's expf with 1.0 unit of
// error (Shibata and Petrogalli 2020): x = q ln 2 + r, a polynomial of degree 7 in r, times 2^q. With AVX-512 the same
// steps are inlined here, the power of two in one instruction and the ends by a clamp in place of two selections. For
// the
// *_cpu.cpp files; compiled once per vector level.
#pragma once

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

#if defined(CPU_CAPABILITY_AVX512)
inline at::vec::Vectorized<float> aten_exp(const at::vec::Vectorized<float>& exponent) {
  const auto constant = [](float value) { return _mm512_set1_ps(value); };
  // Beyond these ends the result is 0 and infinity. NaN passes: max and min give their second operand then.
  const __m512 x = _mm512_min_ps(constant(101.0f), _mm512_max_ps(constant(-105.0f), exponent));
  const __m512 q =
      _mm512_roundscale_ps(_mm512_mul_ps(x, constant(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  // ln 2 in two parts, so that q times the first is exact.
  __m512 r = _mm512_fnmadd_ps(q, constant(0.693145751953125f), x);
  r = _mm512_fnmadd_ps(q, constant(1.42860677e-06f), r);
  __m512 p = _mm512_fmadd_ps(constant(0.000198527618f), r, constant(0.00139304355f));
  p = _mm512_fmadd_ps(p, r, constant(0.00833336078f));
  p = _mm512_fmadd_ps(p, r, constant(0.0416664854f));
  p = _mm512_fmadd_ps(p, r, constant(0.166666672f));
  p = _mm512_fmadd_ps(p, r, constant(0.5f));
  p = _mm512_add_ps(constant(1.0f), _mm512_fmadd_ps(_mm512_mul_ps(r, r), p, r));
  return _mm512_scalef_ps(p, q);
}
#else
inline at::vec::Vectorized<float> aten_exp(const at::vec::Vectorized<float>& x) {
  return x.exp();
}
#endif
inline at::vec::Vectorized<double> aten_exp(const at::vec::Vectorized<double>& x) {
  return x.exp();
}

}  // namespace
}  // namespace tern::kernels
