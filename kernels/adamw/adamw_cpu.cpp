#include "kernels/adamw/adamw_cpu.h"

#include "kernels/common/adam_cpu.h"

namespace tern::kernels {

template <CpuLevel level, class T>
void adamw_cpu(const AdamChunk<T>* chunks, int64_t chunk_count, const AdamCoefficients& coefficients, double eps) {
  const Vec<T> inv_correction2(static_cast<T>(coefficients.inv_correction2));
  const Vec<T> floor(static_cast<T>(eps));
  adam_chunks_parallel(chunks, chunk_count, coefficients, [&](const Vec<T>& m, const Vec<T>& v) {
    return m / at::vec::fmadd(v.sqrt(), inv_correction2, floor);
  });
}

template void adamw_cpu<kLevel>(const AdamChunk<float>*, int64_t, const AdamCoefficients&, double);
template void adamw_cpu<kLevel>(const AdamChunk<double>*, int64_t, const AdamCoefficients&, double);

}  // namespace tern::kernels
