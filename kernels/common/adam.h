// What AdamATan2 and AdamW share: the tensors of one step over many parameters, their options and their checks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/common/adam_cuda.h"

namespace tern::kernels {

// One parameter with its state. All tensors have the parameter's shape and lie dense in memory (contiguous); the
// moments start at zero. ema and shadow may be undefined (not wanted).
struct AdamTensor {
  at::Tensor param;       // float32 (or float64), updated in place
  at::Tensor grad;        // dtype of param, read only
  at::Tensor exp_avg;     // first moment m, dtype of param, updated in place
  at::Tensor exp_avg_sq;  // second moment v, dtype of param, updated in place
  at::Tensor ema{};       // dtype of param: ema <- ema_decay * ema + (1 - ema_decay) * param, with the new param
  at::Tensor shadow{};    // bfloat16: the new param rounded, what the next forward pass reads (shadow_weight.h)
};

struct AdamOptions {
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double weight_decay = 0;
  int64_t step = 0;  // t: 1 in the first step
  double ema_decay = 0.999;
};

// To be called once a step has written to the tensors' memory: their versions rise, as with ATen's in-place operations.
void mark_stepped(std::span<const AdamTensor> tensors);

// Constants of one step, computed once in float64.
struct AdamCoefficients {
  double decay;            // 1 - lr * weight_decay
  double weight1;          // 1 - beta1
  double weight2;          // 1 - beta2
  double step_size;        // lr / (1 - beta1^t)
  double inv_correction2;  // 1 / sqrt(1 - beta2^t)
  double ema_weight;       // 1 - ema_decay
};

// Throws tern::Error (usage) naming the argument, e.g. "[adamw] tensors[3].grad must be ...". All tensors of a call
// must have the dtype and the device of the first parameter; on a GPU they are float32.
void check_adam(const char* op, std::span<const AdamTensor> tensors, const AdamOptions& options);

[[nodiscard]] AdamCoefficients adam_coefficients(const AdamOptions& options);

// The same rounded to what the CUDA kernel computes in, but for inv_correction2.
[[nodiscard]] AdamConstants adam_constants(const AdamCoefficients& coefficients);

// All parameters as the CUDA kernel sees them; float32.
[[nodiscard]] std::vector<AdamPointers> adam_pointers(std::span<const AdamTensor> tensors);

// A stretch of one parameter as the CPU kernels see it; ema and shadow may be null.
template <class T>
struct AdamChunk {
  T* param;
  const T* grad;
  T* exp_avg;
  T* exp_avg_sq;
  T* ema;
  c10::BFloat16* shadow;
  int64_t size;
};

// Cuts all parameters into stretches of at most 16384 elements, so that threads share them evenly whatever the sizes.
template <class T>
[[nodiscard]] std::vector<AdamChunk<T>> adam_chunks(std::span<const AdamTensor> tensors);

}  // namespace tern::kernels
