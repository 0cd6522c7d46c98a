#include "kernels/common/adam.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/common/check.h"
#include "kernels/common/cuda_dispatch.h"
#include "kernels/common/shadow_weight.h"

namespace tern::kernels {
namespace {

constexpr int64_t kChunkSize = 16384;

void check_range(const char* op, const char* name, double value, bool good, const char* expected) {
  if (!good) bad_argument(op, name, expected, fmt::format("{}", value));
}

void check_tensor(const char* op, size_t index, const AdamTensor& tensor, const at::Tensor& first) {
  const at::ScalarType dtype = first.defined() ? first.scalar_type() : at::kFloat;
  const auto name = [&](const char* field) { return fmt::format("tensors[{}].{}", index, field); };
  const at::Tensor& param = tensor.param;
  const auto check_field = [&](const char* field, const at::Tensor& value, at::ScalarType type) {
    const std::string full = name(field);
    ArgumentCheck(op, full, value).device_of("param", param).dtype({type}).shape_of("param", param).contiguous();
  };
  const std::string param_name = name("param");
  ArgumentCheck(op, param_name, param)
      .on_cpu_or_cuda()
      .dtype({at::kFloat, at::kDouble})
      .dtype({dtype})
      .device_of("tensors[0].param", first)
      .contiguous();
  check_field("grad", tensor.grad, dtype);
  check_field("exp_avg", tensor.exp_avg, dtype);
  check_field("exp_avg_sq", tensor.exp_avg_sq, dtype);
  if (tensor.ema.defined()) check_field("ema", tensor.ema, dtype);
  if (tensor.shadow.defined()) check_field("shadow", tensor.shadow, at::kBFloat16);
}

}  // namespace

void check_adam(const char* op, std::span<const AdamTensor> tensors, const AdamOptions& options) {
  const auto is_fraction = [](double x) { return x >= 0 && x < 1; };
  check_range(op, "lr", options.lr, options.lr >= 0, "0 or more");
  check_range(op, "beta1", options.beta1, is_fraction(options.beta1), "in [0, 1)");
  check_range(op, "beta2", options.beta2, is_fraction(options.beta2), "in [0, 1)");
  check_range(op, "weight_decay", options.weight_decay, options.weight_decay >= 0, "0 or more");
  check_range(op, "ema_decay", options.ema_decay, options.ema_decay >= 0 && options.ema_decay <= 1, "in [0, 1]");
  check_range(op, "step", static_cast<double>(options.step), options.step >= 1, "1 or more");
  for (size_t i = 0; i < tensors.size(); ++i) check_tensor(op, i, tensors[i], tensors[0].param);
}

void mark_stepped(std::span<const AdamTensor> tensors) {
  for (const AdamTensor& tensor : tensors) {
    for (const at::Tensor& written : {tensor.param, tensor.exp_avg, tensor.exp_avg_sq, tensor.ema, tensor.shadow}) {
      if (written.defined()) mark_changed(written);
    }
  }
}

AdamCoefficients adam_coefficients(const AdamOptions& options) {
  const auto step = static_cast<double>(options.step);
  return {.decay = 1 - options.lr * options.weight_decay,
          .weight1 = 1 - options.beta1,
          .weight2 = 1 - options.beta2,
          .step_size = options.lr / (1 - std::pow(options.beta1, step)),
          .inv_correction2 = 1 / std::sqrt(1 - std::pow(options.beta2, step)),
          .ema_weight = 1 - options.ema_decay};
}

AdamConstants adam_constants(const AdamCoefficients& c) {
  return {.decay = static_cast<float>(c.decay),
          .weight1 = static_cast<float>(c.weight1),
          .weight2 = static_cast<float>(c.weight2),
          .step_size = static_cast<float>(c.step_size),
          .ema_weight = static_cast<float>(c.ema_weight)};
}

std::vector<AdamPointers> adam_pointers(std::span<const AdamTensor> tensors) {
  std::vector<AdamPointers> pointers;
  pointers.reserve(tensors.size());
  for (const AdamTensor& tensor : tensors) {
    pointers.push_back({.param = cuda_data<float>(tensor.param),
                        .grad = cuda_data<const float>(tensor.grad),
                        .exp_avg = cuda_data<float>(tensor.exp_avg),
                        .exp_avg_sq = cuda_data<float>(tensor.exp_avg_sq),
                        .ema = tensor.ema.defined() ? cuda_data<float>(tensor.ema) : nullptr,
                        .shadow = tensor.shadow.defined() ? cuda_data<Bf16>(tensor.shadow) : nullptr,
                        .size = tensor.param.numel()});
  }
  return pointers;
}

template <class T>
std::vector<AdamChunk<T>> adam_chunks(std::span<const AdamTensor> tensors) {
  std::vector<AdamChunk<T>> chunks;
  for (const AdamTensor& tensor : tensors) {
    T* param = tensor.param.mutable_data_ptr<T>();
    const T* grad = tensor.grad.const_data_ptr<T>();
    T* exp_avg = tensor.exp_avg.mutable_data_ptr<T>();
    T* exp_avg_sq = tensor.exp_avg_sq.mutable_data_ptr<T>();
    T* ema = tensor.ema.defined() ? tensor.ema.mutable_data_ptr<T>() : nullptr;
    auto* shadow = tensor.shadow.defined() ? tensor.shadow.mutable_data_ptr<c10::BFloat16>() : nullptr;
    const int64_t size = tensor.param.numel();
    for (int64_t at = 0; at < size; at += kChunkSize) {
      chunks.push_back({param + at, grad + at, exp_avg + at, exp_avg_sq + at, ema == nullptr ? nullptr : ema + at,
                        shadow == nullptr ? nullptr : shadow + at, std::min(kChunkSize, size - at)});
    }
  }
  return chunks;
}

template std::vector<AdamChunk<float>> adam_chunks(std::span<const AdamTensor> tensors);
template std::vector<AdamChunk<double>> adam_chunks(std::span<const AdamTensor> tensors);

}  // namespace tern::kernels
