#include "kernels/swiglu/swiglu_cpu.h"

#include <ATen/Parallel.h>

#include "kernels/common/aten_exp.h"

namespace tern::kernels {
namespace {

// The operations and their order are those of ATen's silu, product and silu_backward, for float32 down to the last bit.
template <class V>
V one_plus_exp_neg(const V& x) {
  return V(1) + aten_exp(x.neg());
}

template <bool past_caches, class T>
void forward_row(const T* gate, const T* up, T* out, int64_t inter) {
  for_each_vector<T>(inter, [&](int64_t i, auto count) {
    const Vec<T> g = load(gate + i, count);
    store_result<past_caches>(out + i, g / one_plus_exp_neg(g) * load(up + i, count), count);
  });
}

template <bool with_out, class T>
void backward_row(const T* dout, const T* gate, const T* up, T* d_gate, T* d_up, T* out, int64_t inter) {
  for_each_vector<T>(inter, [&](int64_t i, auto count) {
    const Vec<T> d = load(dout + i, count);
    const Vec<T> g = load(gate + i, count);
    const Vec<T> u = load(up + i, count);
    const Vec<T> denominator = one_plus_exp_neg(g);
    const Vec<T> s = Vec<T>(1) / denominator;
    const Vec<T> silu = g / denominator;
    store(d_gate + i, d * u * s * at::vec::fmadd(g, Vec<T>(1) - s, Vec<T>(1)), count);
    store(d_up + i, d * silu, count);
    if constexpr (with_out) store(out + i, silu * u, count);
  });
}

}  // namespace

template <CpuLevel level, class T>
void swiglu_forward_cpu(const T* gate_up, T* out, int64_t rows, int64_t inter) {
  const bool large = goes_past_caches<T>(rows * inter, nullptr, out);
  at::parallel_for(0, rows, grain_rows(inter), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* gate = gate_up + row * 2 * inter;
      T* to = out + row * inter;
      if (large && is_vector_place(to)) {
        forward_row<true>(gate, gate + inter, to, inter);
      } else {
        forward_row<false>(gate, gate + inter, to, inter);
      }
    }
    if (large) end_past_caches();
  });
}

template <CpuLevel level, class T>
void swiglu_backward_cpu(const T* dout, const T* gate_up, T* d_gate_up, T* out, int64_t rows, int64_t inter) {
  at::parallel_for(0, rows, grain_rows(inter), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* gate = gate_up + row * 2 * inter;
      T* d_gate = d_gate_up + row * 2 * inter;
      const int64_t at = row * inter;
      if (out != nullptr) {
        backward_row<true>(dout + at, gate, gate + inter, d_gate, d_gate + inter, out + at, inter);
      } else {
        backward_row<false, T>(dout + at, gate, gate + inter, d_gate, d_gate + inter, nullptr, inter);
      }
    }
  });
}

template void swiglu_forward_cpu<kLevel>(const float*, float*, int64_t, int64_t);
template void swiglu_forward_cpu<kLevel>(const c10::BFloat16*, c10::BFloat16*, int64_t, int64_t);
template void swiglu_forward_cpu<kLevel>(const double*, double*, int64_t, int64_t);
template void swiglu_backward_cpu<kLevel>(const float*, const float*, float*, float*, int64_t, int64_t);
template void swiglu_backward_cpu<kLevel>(const c10::BFloat16*, const c10::BFloat16*, c10::BFloat16*, c10::BFloat16*,
                                          int64_t, int64_t);
template void swiglu_backward_cpu<kLevel>(const double*, const double*, double*, double*, int64_t, int64_t);

}  // namespace tern::kernels
