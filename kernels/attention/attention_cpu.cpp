#include "kernels/attention/attention_cpu.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

template <class T>
HeadRstdType<T> normalise(T* x, double gain, double eps, int64_t head_dim) {
  using C = Compute<T>;
  Vec<T> squares(0);
  for_each_vector<T>(head_dim, [&](int64_t i, auto count) {
    const Vec<T> v = load(x + i, count);
    squares = at::vec::fmadd(v, v, squares);
  });
  const C rstd = C(1) / std::sqrt(sum_lanes(squares) / static_cast<C>(head_dim) + static_cast<C>(eps));
  const Vec<T> factor(rstd * static_cast<C>(gain));
  for_each_vector<T>(head_dim, [&](int64_t i, auto count) { store(x + i, load(x + i, count) * factor, count); });
  return rstd;
}

// With u = x * rstd = y / gain: d = gain * rstd * (d - u * mean(d * u)).
template <class T>
void normalise_backward(T* d, const T* y, HeadRstdType<T> rstd, double gain, int64_t head_dim) {
  using C = Compute<T>;
  Vec<T> products(0);
  for_each_vector<T>(head_dim, [&](int64_t i, auto count) {
    products = at::vec::fmadd(load(d + i, count), load(y + i, count), products);
  });
  const C g = static_cast<C>(gain);
  const Vec<T> mean(sum_lanes(products) / (static_cast<C>(head_dim) * g * g));
  const Vec<T> factor(rstd * g);
  for_each_vector<T>(head_dim, [&](int64_t i, auto count) {
    store(d + i, (load(d + i, count) - load(y + i, count) * mean) * factor, count);
  });
}

// body(element of the head's first value, index of the head).
template <class Body>
void each_head(const HeadRows& shape, const Body& body) {
  at::parallel_for(0, shape.rows, grain_rows(shape.heads * shape.head_dim), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t head = 0; head < shape.heads; ++head)
        body(row * shape.row_width + head * shape.head_dim, row * shape.heads + head);
  });
}

}  // namespace

template <CpuLevel level, class T>
void head_norm_cpu(T* x, HeadRstdType<T>* rstd, double gain, double eps, const HeadRows& shape) {
  each_head(shape, [&](int64_t at, int64_t head) { rstd[head] = normalise(x + at, gain, eps, shape.head_dim); });
}

template <CpuLevel level, class T>
void head_norm_backward_cpu(T* d, const T* y, const HeadRstdType<T>* rstd, double gain, const HeadRows& shape) {
  each_head(shape,
            [&](int64_t at, int64_t head) { normalise_backward(d + at, y + at, rstd[head], gain, shape.head_dim); });
}

template void head_norm_cpu<kLevel>(float*, float*, double, double, const HeadRows&);
template void head_norm_cpu<kLevel>(c10::BFloat16*, float*, double, double, const HeadRows&);
template void head_norm_cpu<kLevel>(double*, double*, double, double, const HeadRows&);
template void head_norm_backward_cpu<kLevel>(float*, const float*, const float*, double, const HeadRows&);
template void head_norm_backward_cpu<kLevel>(c10::BFloat16*, const c10::BFloat16*, const float*, double,
                                             const HeadRows&);
template void head_norm_backward_cpu<kLevel>(double*, const double*, const double*, double, const HeadRows&);

}  // namespace tern::kernels
