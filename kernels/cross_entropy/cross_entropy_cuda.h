// CUDA launcher behind cross_entropy.h: checked, contiguous memory of one device; T is float or Bf16.
#pragma once

#include <cstdint>

#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {

// Labels are ignore_index or in 0..vocab-1; any other makes its row's loss and gradient NaN. d_logits may be logits.
// Pointers marked with ? may be null, for results that are not wanted.
template <class T>
struct CrossEntropyArguments {
  const T* logits;         // [rows, width]
  const int64_t* labels;   // [rows]
  const float* row_grad;   // [rows], what the gradient is multiplied by; null only where d_logits is
  float* loss;             // ? [rows]
  int64_t* argmax;         // ? [rows]
  int64_t* valid_count;    // ? [rows / seq_len], added to
  int64_t* correct_count;  // null where valid_count is, else [rows / seq_len], added to
  T* d_logits;             // ? [rows, width]
  int64_t rows;
  int64_t seq_len;  // 1 or more
  int64_t ignore_index;
  int width;
  int vocab;
  float softcap;  // 0: none
};

template <class T>
struct CrossEntropyCuda {
  void (*launch)(const CrossEntropyArguments<T>& arguments, bool stablemax, CudaStream stream);
};

}  // namespace tern::kernels
