#include "kernels/rms_norm/rms_norm_cpu.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

template <bool has_residual, class T>
void forward_row(const T* x, const T* residual, double eps, T* y, RstdType<T>* rstd, int64_t width) {
  using C = Compute<T>;
  const auto sum_at = [&](int64_t i, auto count) {
    if constexpr (has_residual) {
      return load(x + i, count) + load(residual + i, count);
    } else {
      return load(x + i, count);
    }
  };
  Vec<T> squares(0);
  for_each_vector<T>(width, [&](int64_t i, auto count) {
    const Vec<T> s = sum_at(i, count);
    squares = at::vec::fmadd(s, s, squares);
  });
  const C scale = C(1) / std::sqrt(sum_lanes(squares) / static_cast<C>(width) + static_cast<C>(eps));
  *rstd = scale;
  for_each_vector<T>(width, [&](int64_t i, auto count) { store(y + i, sum_at(i, count) * Vec<T>(scale), count); });
}

template <bool in_parts, class T>
void backward_row(const T* dy, const T* more, const T* y, RstdType<T> rstd, T* dx, int64_t width) {
  using C = Compute<T>;
  const auto dy_at = [&](int64_t i, auto count) {
    if constexpr (in_parts) {
      return load(dy + i, count) + load(more + i, count);
    } else {
      return load(dy + i, count);
    }
  };
  Vec<T> products(0);
  for_each_vector<T>(
      width, [&](int64_t i, auto count) { products = at::vec::fmadd(dy_at(i, count), load(y + i, count), products); });
  const Vec<T> mean(sum_lanes(products) / static_cast<C>(width));
  const Vec<T> scale(rstd);
  for_each_vector<T>(width, [&](int64_t i, auto count) {
    store(dx + i, (dy_at(i, count) - load(y + i, count) * mean) * scale, count);
  });
}

}  // namespace

template <CpuLevel level, class T>
void rms_norm_forward_cpu(const T* x, const T* residual, double eps, T* y, RstdType<T>* rstd, int64_t rows,
                          int64_t width) {
  at::parallel_for(0, rows, grain_rows(width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row * width;
      if (residual != nullptr) {
        forward_row<true>(x + at, residual + at, eps, y + at, rstd + row, width);
      } else {
        forward_row<false, T>(x + at, nullptr, eps, y + at, rstd + row, width);
      }
    }
  });
}

template <CpuLevel level, class T>
void rms_norm_backward_cpu(const T* dy, const T* more, const T* y, const RstdType<T>* rstd, T* dx, int64_t rows,
                           int64_t width) {
  at::parallel_for(0, rows, grain_rows(width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row * width;
      if (more != nullptr) {
        backward_row<true>(dy + at, more + at, y + at, rstd[row], dx + at, width);
      } else {
        backward_row<false, T>(dy + at, nullptr, y + at, rstd[row], dx + at, width);
      }
    }
  });
}

#define TERN_INSTANCES(T)                                                                                     \
  template void rms_norm_forward_cpu<kLevel>(const T*, const T*, double, T*, RstdType<T>*, int64_t, int64_t); \
  template void rms_norm_backward_cpu<kLevel>(const T*, const T*, const T*, const RstdType<T>*, T*, int64_t, int64_t);
TERN_INSTANCES(float)
TERN_INSTANCES(c10::BFloat16)
TERN_INSTANCES(double)
#undef TERN_INSTANCES

}  // namespace tern::kernels
