#include "kernels/row_ops/row_ops_cpu.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

// NaN where there is one.
float largest_of(const float* x, int64_t width) {
  constexpr FullCount<float> full;
  Vec<float> largest(x[0]);
  for_each_vector<float>(width / full * full,
                         [&](int64_t i, auto count) { largest = at::vec::maximum(largest, load(x + i, count)); });
  float lanes[full];
  largest.store(lanes);
  const auto larger = [](float a, float b) { return a >= b || std::isnan(a) ? a : b; };
  float all = lanes[0];
  for (const float lane : lanes) all = larger(all, lane);
  for (int64_t i = width / full * full; i < width; ++i) all = larger(all, x[i]);
  return all;
}

}  // namespace

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
      width, [&](int64_t i, auto count) { store(x + i, fast_tanh(load(x + i, count) / limit) * limit, count); });
}

template <>
int64_t RowOpsCpu<kLevel>::argmax(const float* x, int64_t width) {
  constexpr int64_t kBlock = 1024;
  const float* best = x;
  float largest = x[0];
  for (int64_t begin = 0; begin < width && !std::isnan(largest); begin += kBlock) {
    const int64_t size = std::min(kBlock, width - begin);
    const float* block = x + begin;
    const float in_block = largest_of(block, size);
    if (std::isnan(in_block)) return std::find_if(block, block + size, [](float v) { return std::isnan(v); }) - x;
    if (in_block <= largest) continue;
    largest = in_block;
    best = std::find(block, block + size, largest);
  }
  return best - x;
}

}  // namespace tern::kernels
