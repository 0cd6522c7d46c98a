// CPU kernel behind adamw.h, one instance per vector level and element type (float, double).
#pragma once

#include "kernels/common/adam.h"
#include "kernels/common/cpu_level.h"

namespace tern::kernels {

template <CpuLevel level, class T>
void adamw_cpu(const AdamChunk<T>* chunks, int64_t chunk_count, const AdamCoefficients& coefficients, double eps);

}  // namespace tern::kernels
