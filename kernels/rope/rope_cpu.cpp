#include "kernels/rope/rope_cpu.h"

#include <ATen/Parallel.h>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

template <bool clockwise, class T>
void rotate_head(T* head, const RopeType<T>* cos, const RopeType<T>* sin, int64_t half) {
  for_each_vector<T>(half, [&](int64_t i, auto count) {
    const Vec<T> a = load(head + i, count);
    const Vec<T> b = load(head + half + i, count);
    const Vec<T> c = load(cos + i, count);
    const Vec<T> s = load(sin + i, count);
    store(head + i, clockwise ? a * c + b * s : a * c - b * s, count);
    store(head + half + i, clockwise ? b * c - a * s : b * c + a * s, count);
  });
}

}  // namespace

template <CpuLevel level, class T>
void rope_cpu(T* qkv, const RopeType<T>* cos, const RopeType<T>* sin, bool clockwise, int64_t rows, int64_t seq_len,
              int64_t row_width, int64_t heads, int64_t head_dim) {
  const int64_t half = head_dim / 2;
  at::parallel_for(0, rows, grain_rows(heads * head_dim), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t angles = row % seq_len * half;
      for (int64_t head = 0; head < heads; ++head) {
        T* at = qkv + row * row_width + head * head_dim;
        if (clockwise) {
          rotate_head<true>(at, cos + angles, sin + angles, half);
        } else {
          rotate_head<false>(at, cos + angles, sin + angles, half);
        }
      }
    }
  });
}

template void rope_cpu<kLevel>(float*, const float*, const float*, bool, int64_t, int64_t, int64_t, int64_t, int64_t);
template void rope_cpu<kLevel>(c10::BFloat16*, const float*, const float*, bool, int64_t, int64_t, int64_t, int64_t,
                               int64_t);
template void rope_cpu<kLevel>(double*, const double*, const double*, bool, int64_t, int64_t, int64_t, int64_t,
                               int64_t);

}  // namespace tern::kernels
