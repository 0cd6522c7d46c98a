// Parameters of awkward sizes and alignments for the tests of AdamATan2 and AdamW, and the plain twin of their step.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <functional>
#include <vector>

#include "kernels/common/adam.h"
#include "tests/support/tensors.h"

namespace tern::test {

// Sizes around the vector widths and the chunk size of 16384; the last parameter starts off a vector boundary.
inline std::vector<kernels::AdamTensor> adam_tensors(at::ScalarType dtype, bool ema, bool shadow) {
  std::vector<kernels::AdamTensor> tensors;
  uint64_t seed = 1;
  const auto random = [&](int64_t size) { return randn({size}, seed++, dtype); };
  for (int64_t size : {0, 1, 3, 4, 7, 8, 15, 16, 17, 1000, 16383, 16384, 16385, 40000}) {
    const at::Tensor param = random(size);
    tensors.push_back({.param = param,
                       .grad = random(size),
                       .exp_avg = random(size),
                       .exp_avg_sq = random(size).square(),
                       .ema = ema ? random(size) : at::Tensor(),
                       .shadow = shadow ? at::zeros({size}, at::kBFloat16) : at::Tensor()});
  }
  const auto shifted = [&] { return random(101).narrow(0, 1, 100); };
  tensors.push_back({shifted(), shifted(), shifted(), shifted().square(), {}, {}});
  return tensors;
}

// Direction of the step from m, v and the square root of the second bias correction.
using AdamDirection = std::function<at::Tensor(const at::Tensor& m, const at::Tensor& v, double correction2)>;

// One step on float64 copies, by the formula in the header.
inline kernels::AdamTensor plain_adam(const kernels::AdamTensor& in, const kernels::AdamOptions& o,
                                      const AdamDirection& direction) {
  const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
  const auto step = static_cast<double>(o.step);
  kernels::AdamTensor out;
  out.exp_avg = wide(in.exp_avg) * o.beta1 + wide(in.grad) * (1 - o.beta1);
  out.exp_avg_sq = wide(in.exp_avg_sq) * o.beta2 + wide(in.grad).square() * (1 - o.beta2);
  out.param = wide(in.param) * (1 - o.lr * o.weight_decay) -
              direction(out.exp_avg, out.exp_avg_sq, std::sqrt(1 - std::pow(o.beta2, step))) *
                  (o.lr / (1 - std::pow(o.beta1, step)));
  if (in.ema.defined()) out.ema = wide(in.ema) * o.ema_decay + out.param * (1 - o.ema_decay);
  return out;
}

inline kernels::AdamTensor clone_of(const kernels::AdamTensor& in) {
  const auto copy = [](const at::Tensor& t) { return t.defined() ? t.clone() : t; };
  return {copy(in.param), copy(in.grad), copy(in.exp_avg), copy(in.exp_avg_sq), copy(in.ema), copy(in.shadow)};
}

}  // namespace tern::test
