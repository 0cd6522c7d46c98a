// One optimizer step over all parameters of the full-size TRM (hidden 512, two layers; 6.8 M values in 12 tensors)
// against the same arithmetic tensor by tensor in ATen, and the sparse step of its puzzle embedding.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/atan2.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "bench/kernels/alternate.h"
#include "kernels/adam_atan2/adam_atan2.h"
#include "kernels/adamw/adamw.h"
#include "kernels/sign_sgd/sign_sgd.h"

namespace tern::bench {
namespace {

const kernels::AdamOptions kOptions{
    .lr = 1e-4, .beta1 = 0.9, .beta2 = 0.95, .weight_decay = 0.1, .step = 10, .ema_decay = 0.999};

constexpr int64_t kTrmParameters = 6829058;

std::vector<kernels::AdamTensor> trm_parameters(bool ema) {
  std::vector<kernels::AdamTensor> tensors;
  const auto add = [&](at::IntArrayRef sizes) {
    const auto values = on(at::kFloat);
    tensors.push_back({at::randn(sizes, values),
                       at::randn(sizes, values),
                       at::randn(sizes, values),
                       at::randn(sizes, values).square(),
                       ema ? at::randn(sizes, values) : at::Tensor(),
                       {}});
  };
  for (int layer = 0; layer < 2; ++layer) {
    add({1536, 512});
    add({512, 512});
    add({3072, 512});
    add({512, 1536});
  }
  add({12, 512});
  add({12, 512});
  add({2, 512});
  add({2});
  return tensors;
}

// The update up to the direction of the step, in place, as an eager optimizer does it.
template <class Direction>
void aten_step(std::vector<kernels::AdamTensor>& tensors, const Direction& direction) {
  const auto& o = kOptions;
  const double correction1 = 1 - std::pow(o.beta1, o.step), correction2 = std::sqrt(1 - std::pow(o.beta2, o.step));
  for (auto& t : tensors) {
    t.param.mul_(1 - o.lr * o.weight_decay);
    t.exp_avg.lerp_(t.grad, 1 - o.beta1);
    t.exp_avg_sq.mul_(o.beta2).addcmul_(t.grad, t.grad, 1 - o.beta2);
    t.param.add_(direction(t.exp_avg, t.exp_avg_sq.sqrt().div_(correction2)), -o.lr / correction1);
    if (t.ema.defined()) t.ema.mul_(o.ema_decay).add_(t.param, 1 - o.ema_decay);
  }
}

void adam_atan2(benchmark::State& state, bool ema, kernels::Angle angle) {
  const at::NoGradGuard no_grad;
  auto fused = trm_parameters(ema), aten = trm_parameters(ema);
  alternate(
      state, [&] { kernels::adam_atan2_step(fused, kOptions, angle); },
      [&] { aten_step(aten, [](const auto& m, const auto& root) { return at::atan2(m, root); }); },
      {.bytes = kTrmParameters * (ema ? 36.0 : 28.0)});
}

void adamw(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  auto fused = trm_parameters(false), aten = trm_parameters(false);
  alternate(
      state, [&] { kernels::adamw_step(fused, kOptions, 1e-8); },
      [&] { aten_step(aten, [](const auto& m, const auto& root) { return m / (root + 1e-8); }); },
      {.bytes = kTrmParameters * 28.0});
}

// What no step with ATen's bits can be faster than: its atan2 and square root of that many values, alone, in the cache.
void adam_atan2_floor(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  constexpr int64_t size = 16384;
  const at::Tensor m = at::randn({size}), v = at::randn({size}).square();
  at::Tensor root = at::zeros({size}), direction = at::zeros({size});
  const auto repeat = [](const std::function<void()>& work) {
    for (int64_t done = 0; done < kTrmParameters; done += size) work();
  };
  std::vector<double> atan2_ms, sqrt_ms;
  for ([[maybe_unused]] auto _ : state) {
    sqrt_ms.push_back(milliseconds([&] { repeat([&] { at::sqrt_out(root, v); }); }));
    atan2_ms.push_back(milliseconds([&] { repeat([&] { at::atan2_out(direction, m, root); }); }));
    state.SetIterationTime((sqrt_ms.back() + atan2_ms.back()) / 1000);
  }
  state.counters["atan2_ms"] = quantile(atan2_ms, 0.5);
  state.counters["sqrt_ms"] = quantile(sqrt_ms, 0.5);
}

// 192 puzzles of a batch in an embedding of 10000 rows; upstream's sequence of operations.
void sign_sgd(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  at::Tensor weights = at::randn({10000, 512}, on(at::kFloat)), other = weights.clone();
  const at::Tensor grads = at::randn({192, 512}, on(at::kFloat)), ids = at::randint(10000, {192}, on(at::kLong));
  alternate(
      state, [&] { kernels::sign_sgd_sparse_step(weights, grads, ids, 1e-2, 0.1); },
      [&] {
        const auto [unique, inverse, counts] = at::_unique2(ids, true, true);
        at::Tensor sums = at::zeros({unique.size(0), 512}, on(at::kFloat));
        sums.scatter_add_(0, inverse.unsqueeze(-1).expand({-1, 512}), grads);
        at::Tensor rows = other.index_select(0, unique);
        other.index_copy_(0, unique, rows.mul_(1 - 1e-2 * 0.1).add_(sums.sign(), -1e-2));
      });
}

}  // namespace

void add_optimizers() {
  const auto adam = [](const char* name, bool ema, kernels::Angle angle) {
    add_benchmark(name, [=](benchmark::State& state) { adam_atan2(state, ema, angle); });
  };
  adam("adam_atan2/trm", false, kernels::Angle::aten);
  adam("adam_atan2_ema/trm", true, kernels::Angle::aten);
  if (!device.is_cuda()) {
    adam("adam_atan2_fast/trm", false, kernels::Angle::fast);
    adam("adam_atan2_fast_ema/trm", true, kernels::Angle::fast);
    add_benchmark("adam_atan2_floor/one_thread", adam_atan2_floor);
  }
  add_benchmark("adamw/trm", adamw);
  add_benchmark("sign_sgd/trm", sign_sgd);
}

}  // namespace tern::bench
