// CPU kernel behind matvec.h: checked, contiguous memory in, one instance per vector level and type of the weights.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

template <class W>
struct MatvecPart {
  const W* values;      // [out, in]
  const float* scales;  // [out] or null
  int64_t out;
};

// y: [rows, sum of out].
template <CpuLevel level, class W>
void matvec_cpu(const float* x, int64_t rows, int64_t in, const MatvecPart<W>* parts, int64_t part_count, float* y);

}  // namespace tern::kernels
