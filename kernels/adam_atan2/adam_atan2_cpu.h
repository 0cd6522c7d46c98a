// CPU kernel behind adam_atan2.h, one instance per vector level and element type (float, double).
#pragma once

#include "kernels/common/adam.h"
#include "kernels/common/cpu_level.h"

namespace tern::kernels {

// ATen's square root of `size` numbers, in place. (Its float32 root is a vector library's and not always the nearest
// number, so the processor's own instruction would not give the same bits.)
template <class T>
using RootInPlace = void (*)(T* values, int64_t size);

template <CpuLevel level, class T>
void adam_atan2_cpu(const AdamChunk<T>* chunks, int64_t chunk_count, const AdamCoefficients& coefficients,
                    RootInPlace<T> root);

// Angle::fast.
template <CpuLevel level>
void adam_atan2_fast_cpu(const AdamChunk<float>* chunks, int64_t chunk_count, const AdamCoefficients& coefficients);

}  // namespace tern::kernels
