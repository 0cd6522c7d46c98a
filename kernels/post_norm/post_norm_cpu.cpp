#include "kernels/post_norm/post_norm_cpu.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "kernels/common/aten_sum.h"

namespace tern::kernels {
namespace {

// Sum of term(i, count), a vector, over a row; in the order that `columns` asks for.
template <class T, class Vector, class Scalar>
Compute<T> row_sum(int64_t row, int64_t width, int64_t columns, const Vector& vector, const Scalar& scalar) {
  if (columns == 0) return contiguous_sum<T>(width, vector, scalar);
  return strided_sum<T>(width, row % columns, columns, scalar);
}

template <class T>
void output_row(const T* sum, RstdType<T> rstd, T* y, int64_t width) {
  const Vec<T> scale(rstd);
  for_each_vector<T>(width, [&](int64_t i, auto count) { store(y + i, load(sum + i, count) * scale, count); });
}

template <class T>
void forward_row(const T* x, T* sum, double eps, int64_t row, int64_t columns, T* y, RstdType<T>* rstd, int64_t width) {
  using C = Compute<T>;
  for_each_vector<T>(width,
                     [&](int64_t i, auto count) { store(sum + i, load(x + i, count) + load(sum + i, count), count); });
  const C squares = row_sum<T>(
      row, width, columns,
      [&](int64_t i, auto count) {
        const Vec<T> s = load(sum + i, count);
        return s * s;
      },
      [&](int64_t i) { return static_cast<C>(sum[i]) * static_cast<C>(sum[i]); });
  *rstd = C(1) / std::sqrt(squares / static_cast<C>(width) + static_cast<C>(eps));
  output_row(sum, *rstd, y, width);
}

template <class T>
void backward_row(const T* dy_first, const T* dy_second, const T* sum, RstdType<T> rstd, int64_t row, int64_t columns,
                  T* ds, int64_t width) {
  using C = Compute<T>;
  if (dy_second != nullptr) {  // ds serves as the buffer of dy
    for_each_vector<T>(width, [&](int64_t i, auto count) {
      store(ds + i, load(dy_first + i, count) + load(dy_second + i, count), count);
    });
  }
  const T* dy = dy_second != nullptr ? ds : dy_first;
  const C products = row_sum<T>(
      row, width, columns, [&](int64_t i, auto count) { return load(dy + i, count) * load(sum + i, count); },
      [&](int64_t i) { return static_cast<C>(dy[i]) * static_cast<C>(sum[i]); });
  const Vec<T> d_square(C(-0.5) * products * (rstd * rstd * rstd) / static_cast<C>(width));
  const Vec<T> scale(rstd), two(2);
  for_each_vector<T>(width, [&](int64_t i, auto count) {
    store(ds + i, load(dy + i, count) * scale + d_square * (load(sum + i, count) * two), count);
  });
}

}  // namespace

template <CpuLevel level, class T>
void post_norm_forward_cpu(const T* x, T* sum, double eps, int64_t columns, T* y, RstdType<T>* rstd, int64_t rows,
                           int64_t width) {
  at::parallel_for(0, rows, grain_rows(width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row * width;
      forward_row(x + at, sum + at, eps, row, columns, y + at, rstd + row, width);
    }
  });
}

template <CpuLevel level, class T>
void post_norm_output_cpu(const T* sum, const RstdType<T>* rstd, T* y, int64_t rows, int64_t width) {
  at::parallel_for(0, rows, grain_rows(width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) output_row(sum + row * width, rstd[row], y + row * width, width);
  });
}

template <CpuLevel level, class T>
void post_norm_backward_cpu(const T* dy_first, const T* dy_second, const T* sum, const RstdType<T>* rstd,
                            int64_t columns, T* ds, int64_t rows, int64_t width) {
  at::parallel_for(0, rows, grain_rows(width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row * width;
      backward_row(dy_first + at, dy_second == nullptr ? nullptr : dy_second + at, sum + at, rstd[row], row, columns,
                   ds + at, width);
    }
  });
}

#define TERN_INSTANCES(T)                                                                                              \
  template void post_norm_forward_cpu<kLevel>(const T*, T*, double, int64_t, T*, RstdType<T>*, int64_t, int64_t);      \
  template void post_norm_output_cpu<kLevel>(const T*, const RstdType<T>*, T*, int64_t, int64_t);                      \
  template void post_norm_backward_cpu<kLevel>(const T*, const T*, const T*, const RstdType<T>*, int64_t, T*, int64_t, \
                                               int64_t);
TERN_INSTANCES(float)
TERN_INSTANCES(c10::BFloat16)
TERN_INSTANCES(double)
#undef TERN_INSTANCES

}  // namespace tern::kernels
