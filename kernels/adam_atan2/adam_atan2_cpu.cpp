#include "kernels/adam_atan2/adam_atan2_cpu.h"

#include <vector>

#include "kernels/common/adam_cpu.h"

namespace tern::kernels {

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

template void adam_atan2_cpu<kLevel>(const AdamChunk<float>*, int64_t, const AdamCoefficients&, RootInPlace<float>);
template void adam_atan2_cpu<kLevel>(const AdamChunk<double>*, int64_t, const AdamCoefficients&, RootInPlace<double>);

}  // namespace tern::kernels
