// CPU kernel behind decode_attention.h: checked memory in, one instance per vector level.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"
#include "kernels/decode_attention/decode_attention.h"

namespace tern::kernels {

template <CpuLevel level>
void decode_attention_cpu(const DecodeAttention& problem, int64_t begin, int64_t end);

}  // namespace tern::kernels
