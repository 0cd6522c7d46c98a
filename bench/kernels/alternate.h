// Times a fused op and its plain ATen counterpart turn by turn, so that whatever else the machine does meets both
// alike.
#pragma once

#include <ATen/core/Tensor.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace tern::bench {

inline double milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

inline double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

// One iteration runs each once. The benchmark's own time is the fused op's; counters hold the medians in ms and the
// ratio ATen / fused: its median and the first and third quartile.
inline void alternate(benchmark::State& state, const std::function<void()>& fused, const std::function<void()>& aten) {
  fused();
  aten();
  std::vector<double> fused_ms, aten_ms, ratios;
  for ([[maybe_unused]] auto _ : state) {
    fused_ms.push_back(milliseconds(fused));
    aten_ms.push_back(milliseconds(aten));
    ratios.push_back(aten_ms.back() / fused_ms.back());
    state.SetIterationTime(fused_ms.back() / 1000);
  }
  state.counters["fused_ms"] = quantile(fused_ms, 0.5);
  state.counters["aten_ms"] = quantile(aten_ms, 0.5);
  state.counters["ratio"] = quantile(ratios, 0.5);
  state.counters["ratio_q1"] = quantile(ratios, 0.25);
  state.counters["ratio_q3"] = quantile(ratios, 0.75);
}

// Forward and backward pass of a function of one leaf, with a given gradient of the result.
inline void forward_backward(const std::function<at::Tensor(const at::Tensor&)>& function, at::Tensor& leaf,
                             const at::Tensor& gradient) {
  leaf.mutable_grad() = at::Tensor();
  function(leaf).backward(gradient);
}

}  // namespace tern::bench
