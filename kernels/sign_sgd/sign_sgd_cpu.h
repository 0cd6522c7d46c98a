// CPU kernel behind sign_sgd.h, one instance per vector level, weight type W (float, double) and gradient type G.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

// One touched row: the gradient rows order[begin..end) belong to weight row `row`.
struct RowSegment {
  int64_t row;
  int64_t begin;
  int64_t end;
};

template <CpuLevel level, class W, class G>
void sign_sgd_cpu(W* weights, const G* grads, const int64_t* order, const RowSegment* segments, int64_t segment_count,
                  int64_t width, double lr, double weight_decay);

}  // namespace tern::kernels
