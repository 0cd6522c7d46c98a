#include "kernels/relu_squared/relu_squared_cpu.h"

#include <ATen/Parallel.h>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

// at::vec::maximum hands a NaN on, from either side.
template <class V>
V relu(const V& x) {
  return at::vec::maximum(x, V(0));
}

template <bool past_caches, class T>
void forward_range(const T* x, T* out, int64_t size) {
  for_each_vector<T>(size, [&](int64_t i, auto count) {
    const Vec<T> positive = relu(load(x + i, count));
    store_result<past_caches>(out + i, positive * positive, count);
  });
}

}  // namespace

template <CpuLevel level, class T>
void relu_squared_forward_cpu(const T* x, T* out, int64_t size) {
  const bool large = goes_past_caches(size, x, out);
  at::parallel_for(0, size, grain_rows(1), [&](int64_t begin, int64_t end) {
    if (large && is_vector_place(out + begin)) {
      forward_range<true>(x + begin, out + begin, end - begin);
      end_past_caches();
    } else {
      forward_range<false>(x + begin, out + begin, end - begin);
    }
  });
}

template <CpuLevel level, class T>
void relu_squared_backward_cpu(const T* dout, const T* x, T* dx, int64_t size) {
  at::parallel_for(0, size, grain_rows(1), [&](int64_t begin, int64_t end) {
    for_each_vector<T>(end - begin, [&](int64_t i, auto count) {
      const Vec<T> positive = relu(load(x + begin + i, count));
      store(dx + begin + i, load(dout + begin + i, count) * (positive + positive), count);
    });
  });
}

template void relu_squared_forward_cpu<kLevel>(const float*, float*, int64_t);
template void relu_squared_forward_cpu<kLevel>(const c10::BFloat16*, c10::BFloat16*, int64_t);
template void relu_squared_forward_cpu<kLevel>(const double*, double*, int64_t);
template void relu_squared_backward_cpu<kLevel>(const float*, const float*, float*, int64_t);
template void relu_squared_backward_cpu<kLevel>(const c10::BFloat16*, const c10::BFloat16*, c10::BFloat16*, int64_t);
template void relu_squared_backward_cpu<kLevel>(const double*, const double*, double*, int64_t);

}  // namespace tern::kernels
