// CPU kernels on tiles of transposed logits, [vocabulary rows, tokens], behind linear_cross_entropy_tiles.h: a token is
// a lane, so that no sum runs across lanes. Contiguous float32 memory in, one instance per vector level.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

// What is known of every token's logits in one tile, [tokens] each.
struct LogitTileStatistics {
  float* largest;   // of the capped logits
  float* sum;       // of exp(capped - largest)
  float* best;      // largest logit as it came
  float* best_row;  // the first row of the tile with it; exact, since tiles are small
};

// Caps the logits in place (cap 0: none).
template <CpuLevel level>
void cap_logits_cpu(float* logits, int64_t rows, int64_t tokens, float cap, const LogitTileStatistics& statistics);

// d[row, token] = factor[token] * exp(capped - largest[token]) * slope of the cap.
template <CpuLevel level>
void logit_gradient_cpu(const float* capped, int64_t rows, int64_t tokens, float cap, const float* largest,
                        const float* factor, float* d);

// out [columns, rows] = in [rows, columns]
template <CpuLevel level>
void transpose_cpu(const float* in, int64_t rows, int64_t columns, float* out);

}  // namespace tern::kernels
