#include "kernels/linear_cross_entropy/linear_cross_entropy_cpu.h"

#include <algorithm>
#include <limits>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

using V = Vec<float>;

// `width` vectors of tokens side by side: whole cache lines of every row.
template <int width, class Count>
void cap_columns(float* logits, int64_t rows, int64_t stride, float cap, const LogitTileStatistics& statistics,
                 int64_t first, Count count) {
  const V factor(cap), inverse(cap != 0 ? 1 / cap : 0);
  V largest[width], best[width], best_row[width], sum[width];
  for (int c = 0; c < width; ++c) {
    largest[c] = best[c] = V(-std::numeric_limits<float>::infinity());
    best_row[c] = sum[c] = V(0);
  }
  for (int64_t row = 0; row < rows; ++row) {
    float* p = logits + row * stride + first;
    for (int c = 0; c < width; ++c, p += V::size()) {
      const V x = load(p, count);
      const V better = x > best[c];
      best[c] = V::blendv(best[c], x, better);
      best_row[c] = V::blendv(best_row[c], V(static_cast<float>(row)), better);
      const V z = cap != 0 ? (x * inverse).tanh() * factor : x;
      store(p, z, count);
      largest[c] = at::vec::maximum(largest[c], z);
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    const float* p = logits + row * stride + first;
    for (int c = 0; c < width; ++c, p += V::size()) sum[c] = sum[c] + fast_exp(load(p, count) - largest[c]);
  }
  for (int c = 0; c < width; ++c, first += V::size()) {
    store(statistics.largest + first, largest[c], count);
    store(statistics.sum + first, sum[c], count);
    store(statistics.best + first, best[c], count);
    store(statistics.best_row + first, best_row[c], count);
  }
}

}  // namespace

template <CpuLevel level>
void cap_logits_cpu(float* logits, int64_t rows, int64_t tokens, float cap, const LogitTileStatistics& statistics) {
  constexpr int kWidth = 4;
  constexpr FullCount<float> full;
  int64_t first = 0;
  for (; first + kWidth * full <= tokens; first += kWidth * full) {
    cap_columns<kWidth>(logits, rows, tokens, cap, statistics, first, full);
  }
  for (; first + full <= tokens; first += full) cap_columns<1>(logits, rows, tokens, cap, statistics, first, full);
  if (first < tokens) cap_columns<1>(logits, rows, tokens, cap, statistics, first, tokens - first);
}

template <CpuLevel level>
void logit_gradient_cpu(const float* capped, int64_t rows, int64_t tokens, float cap, const float* largest,
                        const float* factor, float* d) {
  const V inverse(cap != 0 ? 1 / cap : 0), one(1);  // without a cap its slope is 1
  for (int64_t row = 0; row < rows; ++row, capped += tokens, d += tokens) {
    for_each_vector<float>(tokens, [&](int64_t i, auto count) {
      const V z = load(capped + i, count), t = z * inverse;
      store(d + i, fast_exp(z - load(largest + i, count)) * load(factor + i, count) * (one - t * t), count);
    });
  }
}

template <CpuLevel level>
void transpose_cpu(const float* in, int64_t rows, int64_t columns, float* out) {
  constexpr int64_t kSide = V::size();
  for (int64_t r = 0; r < rows; r += kSide) {
    for (int64_t c = 0; c < columns; c += kSide) {
      at::vec::transpose_mxn<float>(in + r * columns + c, columns, out + c * rows + r, rows,
                                    static_cast<int>(std::min(kSide, rows - r)),
                                    static_cast<int>(std::min(kSide, columns - c)));
    }
  }
}

template void cap_logits_cpu<kLevel>(float*, int64_t, int64_t, float, const LogitTileStatistics&);
template void logit_gradient_cpu<kLevel>(const float*, int64_t, int64_t, float, const float*, const float*, float*);
template void transpose_cpu<kLevel>(const float*, int64_t, int64_t, float*);

}  // namespace tern::kernels
