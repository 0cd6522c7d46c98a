#include "kernels/row_ops/row_ops.h"

#include "kernels/row_ops/row_ops_cpu.h"

namespace tern::kernels {

void rms_norm_row(const float* x, int64_t width, double eps, float* y) {
  with_cpu_level([&]<CpuLevel level>() { RowOpsCpu<level>::rms_norm(x, width, static_cast<float>(eps), y); });
}

void add_row(float* x, float x_factor, const float* y, float y_factor, int64_t width) {
  with_cpu_level([&]<CpuLevel level>() { RowOpsCpu<level>::add(x, x_factor, y, y_factor, width); });
}

void rope_row(float* head, const float* cos, const float* sin, int64_t half) {
  with_cpu_level([&]<CpuLevel level>() { RowOpsCpu<level>::rope(head, cos, sin, half); });
}

void relu_squared_row(float* x, int64_t width) {
  with_cpu_level([&]<CpuLevel level>() { RowOpsCpu<level>::relu_squared(x, width); });
}

void softcap_row(float* x, int64_t width, double cap) {
  with_cpu_level([&]<CpuLevel level>() { RowOpsCpu<level>::softcap(x, width, static_cast<float>(cap)); });
}

int64_t argmax_row(const float* x, int64_t width) {
  return with_cpu_level([&]<CpuLevel level>() { return RowOpsCpu<level>::argmax(x, width); });
}

}  // namespace tern::kernels
