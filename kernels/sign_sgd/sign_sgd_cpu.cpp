#include "kernels/sign_sgd/sign_sgd_cpu.h"

#include <ATen/Parallel.h>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

template <class V>
V sign(const V& x) {
  return x.gt(V(0)) - x.lt(V(0));
}

}  // namespace

template <CpuLevel level, class W, class G>
void sign_sgd_cpu(W* weights, const G* grads, const int64_t* order, const RowSegment* segments, int64_t segment_count,
                  int64_t width, double lr, double weight_decay) {
  using V = Vec<W>;
  const V decay(static_cast<W>(1 - lr * weight_decay));
  const V minus_lr(static_cast<W>(-lr));
  at::parallel_for(0, segment_count, grain_rows(width), [&](int64_t begin, int64_t end) {
    for (int64_t segment = begin; segment < end; ++segment) {
      const RowSegment& rows = segments[segment];
      W* weight = weights + rows.row * width;
      for_each_vector<W>(width, [&](int64_t i, auto count) {
        V sum = load(grads + order[rows.begin] * width + i, count);
        for (int64_t at = rows.begin + 1; at < rows.end; ++at) sum = sum + load(grads + order[at] * width + i, count);
        store(weight + i, at::vec::fmadd(minus_lr, sign(sum), load(weight + i, count) * decay), count);
      });
    }
  });
}

template void sign_sgd_cpu<kLevel>(float*, const float*, const int64_t*, const RowSegment*, int64_t, int64_t, double,
                                   double);
template void sign_sgd_cpu<kLevel>(float*, const c10::BFloat16*, const int64_t*, const RowSegment*, int64_t, int64_t,
                                   double, double);
template void sign_sgd_cpu<kLevel>(double*, const double*, const int64_t*, const RowSegment*, int64_t, int64_t, double,
                                   double);

}  // namespace tern::kernels
