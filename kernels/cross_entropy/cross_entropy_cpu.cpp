#include "kernels/cross_entropy/cross_entropy_cpu.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

using VecD = at::vec::Vectorized<double>;

// Reads a vector of doubles from any element type.
template <class T, class Count>
VecD load_double(const T* p, Count count) {
  if constexpr (std::is_same_v<T, double>) {
    return load(p, count);
  } else {
    double lanes[VecD::size()] = {};
    for (int64_t i = 0; i < count; ++i) lanes[i] = static_cast<double>(static_cast<float>(p[i]));
    return VecD::loadu(lanes);
  }
}

template <class T, class Count>
void store_double(T* p, const VecD& v, Count count) {
  if constexpr (std::is_same_v<T, double>) {
    store(p, v, count);
  } else {
    double lanes[VecD::size()];
    v.store(lanes);
    for (int64_t i = 0; i < count; ++i) p[i] = static_cast<T>(static_cast<float>(lanes[i]));
  }
}

template <class V>
V fill_tail(const V& v, double value, int64_t count) {
  return V::set(V(static_cast<typename V::value_type>(value)), v, count);
}

template <class T>
Compute<T> row_max(const T* logits, int64_t vocab) {
  constexpr double lowest = -std::numeric_limits<double>::infinity();
  Vec<T> largest(static_cast<Compute<T>>(lowest));
  for_each_vector<T>(vocab, [&](int64_t i, auto count) {
    Vec<T> x = load(logits + i, count);
    if constexpr (!kIsFull<decltype(count)>) x = fill_tail(x, lowest, count);
    largest = at::vec::maximum(largest, x);
  });
  Compute<T> lanes[Vec<T>::size()];
  largest.store(lanes);
  Compute<T> result = lanes[0];
  for (const auto lane : lanes) result = lane > result || std::isnan(lane) ? lane : result;
  return result;
}

// First index of the maximum; a NaN counts as the largest, as for torch.argmax.
template <class T>
int64_t first_index_of(const T* logits, int64_t vocab, Compute<T> maximum) {
  constexpr int64_t block = 16 * FullCount<T>();
  const Vec<T> wanted(maximum);
  int64_t start = 0;
  for (; start + block <= vocab; start += block) {
    Vec<T> hits(0);
    for (int64_t i = start; i < start + block; i += FullCount<T>()) hits = hits + load_full(logits + i).eq(wanted);
    if (sum_lanes(hits) > 0) break;
  }
  for (int64_t i = start; i < vocab; ++i) {
    if (static_cast<Compute<T>>(logits[i]) == maximum) return i;
  }
  for (int64_t i = 0; i < vocab; ++i) {
    if (std::isnan(static_cast<Compute<T>>(logits[i]))) return i;
  }
  return 0;
}

// Soft cap z(x) and its derivative; the identity without a cap.
template <class V>
class Cap {
  using S = typename V::value_type;

 public:
  explicit Cap(double cap) : on_(cap != 0), cap_(static_cast<S>(cap)), inverse_(on_ ? static_cast<S>(1 / cap) : S(0)) {}

  [[nodiscard]] V operator()(const V& x) const { return on_ ? (x * inverse_).tanh() * cap_ : x; }
  [[nodiscard]] S operator()(S x) const {
    S lanes[V::size()];
    (*this)(V(x)).store(lanes);
    return lanes[0];
  }
  // By the capped value.
  [[nodiscard]] V derivative(const V& z) const {
    const V t = z * inverse_;
    return on_ ? V(S(1)) - t * t : V(S(1));
  }

 private:
  bool on_;
  V cap_;
  V inverse_;
};

// A row's largest capped logit and the sum of exp(z - largest). The two are kept apart: their combination would lose
// the last digits of the loss of a confident row.
template <class C>
struct Normalizer {
  C largest;
  C sum;
};

template <class T>
struct SoftmaxRow {
  using V = Vec<T>;
  using C = Compute<T>;

  template <class L>
  static Normalizer<C> normalizer(const CrossEntropyRows<T, L>& in, const T* logits, C largest_logit) {
    const Cap<V> cap(in.softcap);
    const C largest = cap(largest_logit);
    V sum(0);
    for_each_vector<T>(in.vocab, [&](int64_t i, auto count) {
      V e = fast_exp(cap(load(logits + i, count)) - V(largest));
      if constexpr (!kIsFull<decltype(count)>) e = fill_tail(e, 0, count);
      sum = sum + e;
    });
    return {largest, sum_lanes(sum)};
  }

  template <class L>
  static double loss(const CrossEntropyRows<T, L>& in, const T* logits, const Normalizer<C>& normalizer,
                     int64_t label) {
    const C z_label = Cap<V>(in.softcap)(static_cast<C>(logits[label]));
    return static_cast<double>(std::log(normalizer.sum)) + static_cast<double>(normalizer.largest - z_label);
  }

  template <class L>
  static void backward(const CrossEntropyRows<T, L>& in, const T* logits, const Normalizer<C>& normalizer,
                       int64_t label, C row_grad, T* d_logits) {
    const Cap<V> cap(in.softcap);
    const C z_label = cap(static_cast<C>(logits[label]));
    const V largest(normalizer.largest), grad(row_grad / normalizer.sum);
    for_each_vector<T>(in.vocab, [&](int64_t i, auto count) {
      const V z = cap(load(logits + i, count));
      store(d_logits + i, fast_exp(z - largest) * grad * cap.derivative(z), count);
    });
    // p - 1 by expm1, since a confident row's p is rounded to 1.
    C slope[V::size()];
    cap.derivative(V(z_label)).store(slope);
    const C log_p = (z_label - normalizer.largest) - std::log(normalizer.sum);
    d_logits[label] = static_cast<T>(std::expm1(log_p) * row_grad * slope[0]);
  }
};

template <class T>
struct StablemaxRow {
  static VecD s(const VecD& z) { return VecD::blendv(z + VecD(1), VecD(1) / (VecD(1) - z), z < VecD(0)); }
  static double s(double z) { return z < 0 ? 1 / (1 - z) : z + 1; }

  template <class L>
  static double sum(const CrossEntropyRows<T, L>& in, const T* logits) {
    const Cap<VecD> cap(in.softcap);
    VecD sum(0);
    for_each_vector<double>(in.vocab, [&](int64_t i, auto count) {
      VecD value = s(cap(load_double(logits + i, count)));
      if constexpr (!kIsFull<decltype(count)>) value = fill_tail(value, 0, count);
      sum = sum + value;
    });
    return sum_lanes(sum);
  }

  template <class L>
  static double loss(const CrossEntropyRows<T, L>& in, const T* logits, double sum, int64_t label) {
    return std::log(sum / s(Cap<VecD>(in.softcap)(static_cast<double>(static_cast<Compute<T>>(logits[label])))));
  }

  template <class L>
  static void backward(const CrossEntropyRows<T, L>& in, const T* logits, double sum, int64_t label, double row_grad,
                       T* d_logits) {
    const Cap<VecD> cap(in.softcap);
    const double z_label = cap(static_cast<double>(static_cast<Compute<T>>(logits[label])));
    const VecD grad(row_grad / sum);
    const auto slope = [](const VecD& z) {
      const VecD t = VecD(1) / (VecD(1) - z);
      return VecD::blendv(VecD(1), t * t, z < VecD(0));
    };
    for_each_vector<double>(in.vocab, [&](int64_t i, auto count) {
      const VecD z = cap(load_double(logits + i, count));
      store_double(d_logits + i, slope(z) * grad * cap.derivative(z), count);
    });
    double slope_lanes[VecD::size()];
    (slope(VecD(z_label)) * cap.derivative(VecD(z_label))).store(slope_lanes);
    d_logits[label] = static_cast<T>(static_cast<Compute<T>>(row_grad * slope_lanes[0] * (1 / sum - 1 / s(z_label))));
  }
};

template <class T, class L>
void row(const CrossEntropyRows<T, L>& in, int64_t index) {
  const T* logits = in.logits + index * in.width;
  T* d_logits = in.d_logits == nullptr ? nullptr : in.d_logits + index * in.width;
  const int64_t label = in.labels[index] == in.ignore_index ? -1 : in.labels[index];
  const bool backward = d_logits != nullptr && label >= 0;
  double loss = 0;
  if (in.stablemax) {
    if (in.argmax != nullptr) in.argmax[index] = first_index_of(logits, in.vocab, row_max(logits, in.vocab));
    if (label >= 0) {
      const double sum = StablemaxRow<T>::sum(in, logits);
      loss = StablemaxRow<T>::loss(in, logits, sum, label);
      if (backward) StablemaxRow<T>::backward(in, logits, sum, label, in.row_grad[index], d_logits);
    }
  } else {
    const Compute<T> largest = row_max(logits, in.vocab);
    if (in.argmax != nullptr) in.argmax[index] = first_index_of(logits, in.vocab, largest);
    if (label >= 0) {
      const auto normalizer = SoftmaxRow<T>::normalizer(in, logits, largest);
      loss = SoftmaxRow<T>::loss(in, logits, normalizer, label);
      if (backward)
        SoftmaxRow<T>::backward(in, logits, normalizer, label, static_cast<Compute<T>>(in.row_grad[index]), d_logits);
    }
  }
  if (in.loss != nullptr) in.loss[index] = static_cast<L>(loss);
  if (d_logits != nullptr) std::fill(d_logits + (backward ? in.vocab : 0), d_logits + in.width, T(0));
}

}  // namespace

template <CpuLevel level, class T, class L>
void cross_entropy_cpu(const CrossEntropyRows<T, L>& rows) {
  at::parallel_for(0, rows.rows, grain_rows(rows.width), [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) row(rows, index);
  });
}

template void cross_entropy_cpu<kLevel>(const CrossEntropyRows<float, float>&);
template void cross_entropy_cpu<kLevel>(const CrossEntropyRows<float, double>&);
template void cross_entropy_cpu<kLevel>(const CrossEntropyRows<c10::BFloat16, float>&);
template void cross_entropy_cpu<kLevel>(const CrossEntropyRows<c10::BFloat16, double>&);
template void cross_entropy_cpu<kLevel>(const CrossEntropyRows<double, double>&);

}  // namespace tern::kernels
