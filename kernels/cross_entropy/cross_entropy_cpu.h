// CPU kernel behind cross_entropy.h: checked, contiguous memory in, one instance per vector level and element type.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

template <class T>
using LossType = std::conditional_t<std::is_same_v<T, double>, double, float>;

// Null pointers are results that are not wanted; d_logits may be logits. labels are checked. L: LossType<T> or double.
template <class T, class L>
struct CrossEntropyRows {
  const T* logits;
  const int64_t* labels;
  const L* row_grad;
  L* loss;
  int64_t* argmax;
  T* d_logits;
  int64_t rows;
  int64_t width;
  int64_t vocab;
  int64_t ignore_index;
  double softcap;
  bool stablemax;
};

template <CpuLevel level, class T, class L>
void cross_entropy_cpu(const CrossEntropyRows<T, L>& rows);

}  // namespace tern::kernels
