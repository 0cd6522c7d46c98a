// Small steps on one row of float32 values, on the caller's thread: what a decoder does to a token between the products
// of its matrices and after them. No autograd and no checks; memory may overlap only where it is said.
#pragma once

#include <cstdint>

namespace tern::kernels {

// y = x / sqrt(mean(x^2) + eps). y may be x.
void rms_norm_row(const float* x, int64_t width, double eps, float* y);

// x = x_factor x + y_factor y
void add_row(float* x, float x_factor, const float* y, float y_factor, int64_t width);

// Rotates a head by the angles of its position, clockwise (rope.h). cos, sin: [half]; head: [2 half].
void rope_row(float* head, const float* cos, const float* sin, int64_t half);

// x = max(x, 0)^2
void relu_squared_row(float* x, int64_t width);

// x = cap tanh(x / cap)
void softcap_row(float* x, int64_t width, double cap);

// The first of the largest values, or the first NaN where there is one. width: 1 or more.
[[nodiscard]] int64_t argmax_row(const float* x, int64_t width);

}  // namespace tern::kernels
