// Times a fused op and its plain ATen counterpart turn by turn, so that whatever else the machine does meets both
// alike.
#pragma once

#include <ATen/core/Tensor.h>
#include <benchmark/benchmark.h>

#include <functional>
#include <vector>

namespace tern::bench {

// Where everything runs: the CPU, or with --device=cuda the first GPU.
extern at::Device device;

// Tensors are made there: at::randn(sizes, on(at::kFloat)).
[[nodiscard]] at::TensorOptions on(at::ScalarType dtype);

// Of one call. On a GPU the mean of several that are queued one behind the other, by the GPU's own clock.
[[nodiscard]] double milliseconds(const std::function<void()>& work);

[[nodiscard]] double quantile(std::vector<double> values, double q);

// What one call of the fused op has to do; 0: not told.
struct Work {
  double flops = 0;  // on matrices
  double bytes = 0;  // to and from memory
};

// One iteration measures each once. The benchmark's own time is the fused op's; counters hold the medians in ms, the
// ratio ATen / fused (its median and the first and third quartile) and the fused op's rates.
void alternate(benchmark::State& state, const std::function<void()>& fused, const std::function<void()>& aten,
               const Work& work = {});

// Forward and backward pass of a function of one leaf, with a given gradient of the result.
inline void forward_backward(const std::function<at::Tensor(const at::Tensor&)>& function, at::Tensor& leaf,
                             const at::Tensor& gradient) {
  leaf.mutable_grad() = at::Tensor();
  function(leaf).backward(gradient);
}

void add_benchmark(const std::string& name, const std::function<void(benchmark::State&)>& body);

// Each adds its benchmarks of that device.
void add_attention();
void add_cross_entropy();
void add_decoding();
void add_elementwise();
void add_optimizers();

}  // namespace tern::bench
