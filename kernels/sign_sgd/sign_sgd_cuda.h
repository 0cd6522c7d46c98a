// CUDA launcher behind sign_sgd.h: checked, contiguous memory of one device; G, the gradients' type, is float or Bf16.
#pragma once

#include <cstdint>

#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {

struct SignSgdStep {
  float decay;  // 1 - lr * weight_decay
  float lr;
};

template <class G>
struct SignSgdCuda {
  // weights [num_rows, width], grads [count, width], ids [count]. order: scratch of count ints. bad_ids: one int, to
  // which the number of distinct ids out of range is added.
  void (*step)(float* weights, const G* grads, const int64_t* ids, int* order, int* bad_ids, int count,
               int64_t num_rows, int width, const SignSgdStep& step, CudaStream stream);
};

}  // namespace tern::kernels
