#include "kernels/adam_atan2/adam_atan2_cpu.h"

#include <vector>

#include "kernels/common/adam_cpu.h"

namespace tern::kernels {
namespace {

// atan2(m, d) for d >= 0, within 3 units in the last place; NaN for NaN and for infinity over infinity.
//
// atan(z) = z + z^3 Q(z^2) on [0, 1], Q fitted by the Remez algorithm (relative error 1.7e-8); above the diagonal
// pi/2 - atan(1/z).
inline Vec<float> half_plane_atan2(const Vec<float>& m, const Vec<float>& d) {
  using V = Vec<float>;
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

}  // namespace

// The operations and their order are those of lerp, sqrt, div, atan2 and add in ATen, for float32 down to the last bit.
template <CpuLevel level, class T>
void adam_atan2_cpu(const AdamChunk<T>* chunks, int64_t chunk_count, const AdamCoefficients& coefficients,
                    RootInPlace<T> root) {
  using V = Vec<T>;
  const V weight2(static_cast<T>(coefficients.weight2));
  const V correction2(static_cast<T>(1 / coefficients.inv_correction2));
  at::parallel_for(0, chunk_count, 1, [&](int64_t begin, int64_t end) {
    std::vector<T> roots;
    for (int64_t i = begin; i < end; ++i) {
      const AdamChunk<T>& chunk = chunks[i];
      roots.resize(static_cast<size_t>(chunk.size + V::size()));  // the last vector may be read beyond the chunk
      for_each_vector<T>(chunk.size, [&](int64_t at, auto count) {
        const V grad = load(chunk.grad + at, count);
        const V v = load(chunk.exp_avg_sq + at, count);
        store(roots.data() + at, at::vec::fmadd(weight2, grad * grad - v, v), count);
      });
      root(roots.data(), chunk.size);
      const T* next = roots.data();
      adam_chunk(chunk, coefficients, [&](const V& m, const V&) {
        const V direction = m.atan2(V::loadu(next) / correction2);
        next += V::size();
        return direction;
      });
    }
  });
}

template <CpuLevel level>
void adam_atan2_fast_cpu(const AdamChunk<float>* chunks, int64_t chunk_count, const AdamCoefficients& coefficients) {
  const Vec<float> inv_correction2(static_cast<float>(coefficients.inv_correction2));
  adam_chunks_parallel(chunks, chunk_count, coefficients, [&](const Vec<float>& m, const Vec<float>& v) {
    return half_plane_atan2(m, v.sqrt() * inv_correction2);
  });
}

template void adam_atan2_fast_cpu<kLevel>(const AdamChunk<float>*, int64_t, const AdamCoefficients&);
template void adam_atan2_cpu<kLevel>(const AdamChunk<float>*, int64_t, const AdamCoefficients&, RootInPlace<float>);
template void adam_atan2_cpu<kLevel>(const AdamChunk<double>*, int64_t, const AdamCoefficients&, RootInPlace<double>);

}  // namespace tern::kernels
