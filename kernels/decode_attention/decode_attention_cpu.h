// CPU kernel behind decode_attention.h: checked memory in, one instance per vector level.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

struct DecodeAttention {
  const float *q, *keys, *values;
  float *scores, *out;
  int64_t rows, num_heads, num_kv_heads, head_dim, positions;
  int64_t q_stride;  // elements from a row of q to the next
  int64_t first, seen;
  float scale;
};

template <CpuLevel level>
void decode_attention_cpu(const DecodeAttention& problem);

}  // namespace tern::kernels
