#include "kernels/adam_atan2/adam_atan2_cpu.h"

#include "kernels/common/adam_cpu.h"

namespace tern::kernels {

template <CpuLevel level, class T>
void adam_atan2_cpu(const AdamChunk<T>* chunks, int64_t chunk_count, const AdamCoefficients& coefficients) {
  // Divided, not multiplied by the inverse, and by ATen's own atan2: the update then has the bits of the same steps as
  // ATen operations (lerp, sqrt, div, atan2, add).
  const Vec<T> correction2(static_cast<T>(1 / coefficients.inv_correction2));
  adam_chunks_parallel(chunks, chunk_count, coefficients, [&](const Vec<T>& m, const Vec<T>& v) {
    return m.atan2(v.sqrt() / correction2);
  });
}

template void adam_atan2_cpu<kLevel>(const AdamChunk<float>*, int64_t, const AdamCoefficients&);
template void adam_atan2_cpu<kLevel>(const AdamChunk<double>*, int64_t, const AdamCoefficients&);

}  // namespace tern::kernels
