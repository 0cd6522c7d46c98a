#include "kernels/row_ops/row_ops_cpu.h"

#include <cmath>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {

template <>
void RowOpsCpu<kLevel>::rms_norm(const float* x, int64_t width, float eps, float* y) {
  Vec<float> squares(0);
  for_each_vector<float>(width, [&](int64_t i, auto count) {
    const Vec<float> v = load(x + i, count);
    squares = at::vec::fmadd(v, v, squares);
  });
  const Vec<float> scale(1 / std::sqrt(sum_lanes(squares) / static_cast<float>(width) + eps));
  for_each_vector<float>(width, [&](int64_t i, auto count) { store(y + i, load(x + i, count) * scale, count); });
}

template <>
void RowOpsCpu<kLevel>::add(float* x, float x_factor, const float* y, float y_factor, int64_t width) {
  const Vec<float> a(x_factor), b(y_factor);
  for_each_vector<float>(
      width, [&](int64_t i, auto count) { store(x + i, load(x + i, count) * a + load(y + i, count) * b, count); });
}

template <>
void RowOpsCpu<kLevel>::rope(float* head, const float* cos, const float* sin, int64_t half) {
  for_each_vector<float>(half, [&](int64_t i, auto count) {
    const Vec<float> a = load(head + i, count), b = load(head + half + i, count);
    const Vec<float> c = load(cos + i, count), s = load(sin + i, count);
    store(head + i, a * c + b * s, count);
    store(head + half + i, b * c - a * s, count);
  });
}

template <>
void RowOpsCpu<kLevel>::relu_squared(float* x, int64_t width) {
  for_each_vector<float>(width, [&](int64_t i, auto count) {
    const Vec<float> positive = at::vec::maximum(load(x + i, count), Vec<float>(0));
    store(x + i, positive * positive, count);
  });
}

template <>
void RowOpsCpu<kLevel>::softcap(float* x, int64_t width, float cap) {
  const Vec<float> limit(cap);
  for_each_vector<float>(
      width, [&](int64_t i, auto count) { store(x + i, (load(x + i, count) / limit).tanh() * limit, count); });
}

}  // namespace tern::kernels
