// CUDA launcher behind rope.h: checked, contiguous memory of one device; T is float or Bf16.
#pragma once

#include <cstdint>

#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {

struct RopeShape {
  int seq_len;
  int width;  // of a row of qkv
  int heads;  // that are turned: those of q and k, at the row's beginning
  int half;   // half of a head's size
};

template <class T>
struct RopeCuda {
  // qkv [rows, width], changed in place; cos and sin [seq_len or more, half] from the first token's position on. rows
  // is a multiple of seq_len, heads and half are 1 or more.
  void (*rotate)(T* qkv, const float* cos, const float* sin, bool clockwise, int64_t rows, const RopeShape& shape,
                 CudaStream stream);
};

}  // namespace tern::kernels
