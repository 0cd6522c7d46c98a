// The pass over all parameters that AdamATan2 and AdamW share on the CPU; only the last line of the update differs.
#pragma once

#include <ATen/Parallel.h>

#include <cstdint>

#include "kernels/common/adam.h"
#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

// direction(m, v) is the step's direction, before the step size.
template <class T, class Direction>
void adam_chunk(const AdamChunk<T>& chunk, const AdamCoefficients& coefficients, const Direction& direction) {
  using V = Vec<T>;
  const V decay(static_cast<T>(coefficients.decay));
  const V weight1(static_cast<T>(coefficients.weight1));
  const V weight2(static_cast<T>(coefficients.weight2));
  const V minus_step_size(static_cast<T>(-coefficients.step_size));
  const V ema_weight(static_cast<T>(coefficients.ema_weight));
  for_each_vector<T>(chunk.size, [&](int64_t i, auto count) {
    const V grad = load(chunk.grad + i, count);
    V m = load(chunk.exp_avg + i, count);
    V v = load(chunk.exp_avg_sq + i, count);
    m = at::vec::fmadd(weight1, grad - m, m);
    v = at::vec::fmadd(weight2, grad * grad - v, v);
    const V param = at::vec::fmadd(minus_step_size, direction(m, v), load(chunk.param + i, count) * decay);
    store(chunk.param + i, param, count);
    store(chunk.exp_avg + i, m, count);
    store(chunk.exp_avg_sq + i, v, count);
    if (chunk.ema != nullptr) {
      const V ema = load(chunk.ema + i, count);
      store(chunk.ema + i, at::vec::fmadd(ema_weight, param - ema, ema), count);
    }
    if constexpr (std::is_same_v<T, float>) {
      if (chunk.shadow != nullptr) store(chunk.shadow + i, param, count);
    } else {
      if (chunk.shadow == nullptr) return;
      T lanes[V::size()];
      param.store(lanes);
      for (int64_t lane = 0; lane < count; ++lane) {
        chunk.shadow[i + lane] = c10::BFloat16(static_cast<float>(lanes[lane]));
      }
    }
  });
}

// Elements are independent, so the partition between threads does not show in the result.
template <class T, class Direction>
void adam_chunks_parallel(const AdamChunk<T>* chunks, int64_t chunk_count, const AdamCoefficients& coefficients,
                          const Direction& direction) {
  at::parallel_for(0, chunk_count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) adam_chunk(chunks[i], coefficients, direction);
  });
}

}  // namespace
}  // namespace tern::kernels
