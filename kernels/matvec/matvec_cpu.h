// CPU kernel behind matvec.h: checked, contiguous memory in, one instance per vector level and type of the weights.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

// Outputs [first, first + out) of y.
struct MatvecPart {
  const void* values;   // [out, in] of W
  const float* scales;  // [out] or null
  int64_t first, out;
};

// y[row, begin ... end) of this part; begin and end are outputs of y, [rows, stride].
template <CpuLevel level, class W>
void matvec_cpu(const float* x, int64_t rows, int64_t in, const MatvecPart& part, int64_t begin, int64_t end, float* y,
                int64_t stride);

}  // namespace tern::kernels
