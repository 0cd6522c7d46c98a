// CPU kernels behind row_ops.h, one instance per vector level.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_level.h"

namespace tern::kernels {

template <CpuLevel level>
struct RowOpsCpu {
  static void rms_norm(const float* x, int64_t width, float eps, float* y);
  static void add(float* x, float x_factor, const float* y, float y_factor, int64_t width);
  static void rope(float* head, const float* cos, const float* sin, int64_t half);
  static void relu_squared(float* x, int64_t width);
  static void softcap(float* x, int64_t width, float cap);
  static int64_t argmax(const float* x, int64_t width);
};

}  // namespace tern::kernels
