#include "kernels/adam_atan2/adam_atan2_cpu.h"

#include "kernels/common/adam_cpu.h"

namespace tern::kernels {
namespace {

// atan2(m, d) for d >= 0, within 3 units in the last place; NaN for NaN and for infinity over infinity. A general atan2
// (Sleef's, by a call) would take longer than everything else in the step together.
//
// atan(z) = z + z^3 Q(z^2) on [0, 1], Q fitted by the Remez algorithm (relative error 1.7e-8); above the diagonal
// pi/2 - atan(1/z).
inline at::vec::Vectorized<float> half_plane_atan2(const at::vec::Vectorized<float>& m,
                                                   const at::vec::Vectorized<float>& d) {
  using V = at::vec::Vectorized<float>;
  constexpr float q[] = {0x1.7ed232p-9f, -0x1.0c2c14p-6f, 0x1.61fddap-5f, -0x1.3556b6p-4f,
                         0x1.b4e12ap-4f, -0x1.230adcp-3f, 0x1.9978f4p-3f, -0x1.5554dcp-2f};
  const V sign = m & V(-0.0f);
  const V height = m ^ sign;
  const V steep = height > d;  // false for NaN, which then reaches z by either operand
  const V larger = V::blendv(d, height, steep);
  const V z = V::blendv(V::blendv(height, d, steep) / larger, V(0.0f), larger == V(0.0f));
  const V square = z * z;
  V polynomial(q[0]);
  for (int i = 1; i < 8; ++i) polynomial = at::vec::fmadd(polynomial, square, V(q[i]));
  const V angle = at::vec::fmadd(z * square, polynomial, z);
  return V::blendv(angle, V(1.57079632679489662f) - angle, steep) | sign;
}

inline at::vec::Vectorized<double> half_plane_atan2(const at::vec::Vectorized<double>& m,
                                                    const at::vec::Vectorized<double>& d) {
  return m.atan2(d);
}

}  // namespace

template <CpuLevel level, class T>
void adam_atan2_cpu(const AdamChunk<T>* chunks, int64_t chunk_count, const AdamCoefficients& coefficients) {
  const Vec<T> inv_correction2(static_cast<T>(coefficients.inv_correction2));
  adam_chunks_parallel(chunks, chunk_count, coefficients, [&](const Vec<T>& m, const Vec<T>& v) {
    return half_plane_atan2(m, v.sqrt() * inv_correction2);
  });
}

template void adam_atan2_cpu<kLevel>(const AdamChunk<float>*, int64_t, const AdamCoefficients&);
template void adam_atan2_cpu<kLevel>(const AdamChunk<double>*, int64_t, const AdamCoefficients&);

}  // namespace tern::kernels
