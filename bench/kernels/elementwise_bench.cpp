// Norm, SwiGLU, squared ReLU and rotation. TRM: 916 tokens, hidden 512, inter 1536; GPT: width 768 or, on a GPU, 1280.
// On the CPU batches of 4 puzzles and 1024 tokens, on a GPU of 96 puzzles and 32768 tokens.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>

#include "bench/kernels/alternate.h"
#include "kernels/relu_squared/relu_squared.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/swiglu/swiglu.h"

namespace tern::bench {
namespace {

using Function = std::function<at::Tensor(const at::Tensor&)>;

at::Tensor normal(at::IntArrayRef sizes, at::ScalarType dtype) {
  return at::randn(sizes, on(at::kFloat)).to(dtype);
}

// inputs_moved: what the forward pass reads and writes, in sizes of the input.
void compare(benchmark::State& state, const at::Tensor& input, double inputs_moved, const Function& fused,
             const Function& aten, bool backward) {
  if (!backward) {
    const at::NoGradGuard no_grad;
    alternate(
        state, [&] { fused(input); }, [&] { aten(input); },
        {.bytes = inputs_moved * static_cast<double>(input.nbytes())});
    return;
  }
  at::Tensor leaf = input.clone().set_requires_grad(true);
  const at::Tensor gradient = normal(fused(input).sizes(), input.scalar_type());
  alternate(
      state, [&] { forward_backward(fused, leaf, gradient); }, [&] { forward_backward(aten, leaf, gradient); });
}

// As upstream writes it: in float32, then back.
at::Tensor aten_norm(const at::Tensor& s) {
  const at::Tensor wide = s.to(at::kFloat);
  return (wide * (wide.square().mean(-1, true) + 1e-5).rsqrt()).to(s.scalar_type());
}

void rms_norm_residual(benchmark::State& state, at::IntArrayRef sizes, at::ScalarType dtype, bool backward) {
  const at::Tensor residual = normal(sizes, dtype);
  compare(
      state, normal(sizes, dtype), 3, [&](const auto& x) { return kernels::rms_norm_residual(x, residual, 1e-5); },
      [&](const auto& x) { return aten_norm(x + residual); }, backward);
}

void rms_norm(benchmark::State& state, at::IntArrayRef sizes, at::ScalarType dtype, bool backward) {
  compare(
      state, normal(sizes, dtype), 2, [](const auto& x) { return kernels::rms_norm(x, 1e-5); }, aten_norm, backward);
}

void swiglu(benchmark::State& state, at::IntArrayRef sizes, at::ScalarType dtype, bool backward) {
  const auto aten = [](const at::Tensor& packed) {
    const auto halves = packed.chunk(2, -1);
    return at::silu(halves[0]) * halves[1];
  };
  compare(state, normal(sizes, dtype), 1.5, kernels::swiglu, aten, backward);
}

void relu_squared(benchmark::State& state, at::IntArrayRef sizes, at::ScalarType dtype, bool backward) {
  compare(
      state, normal(sizes, dtype), 2, kernels::relu_squared, [](const auto& x) { return x.relu().square(); }, backward);
}

void rope(benchmark::State& state, at::IntArrayRef sizes, at::ScalarType dtype, bool backward) {
  const kernels::QkvLayout layout{8, 8, sizes.back() / 24};
  kernels::RopeTable table = kernels::make_rope_table(sizes[1], layout.head_dim, 10000);
  table.cos = table.cos.to(device);
  table.sin = table.sin.to(device);
  // As upstream writes it: full-width tables, rotate_half by concatenation.
  const at::Tensor cos = at::cat({table.cos, table.cos}, -1).unsqueeze(1);
  const at::Tensor sin = at::cat({table.sin, table.sin}, -1).unsqueeze(1);
  const auto turn = [&](const at::Tensor& x) {
    const auto halves = x.chunk(2, -1);
    return (x * cos + at::cat({-halves[1], halves[0]}, -1) * sin).to(x.scalar_type());
  };
  const auto aten = [&](const at::Tensor& qkv) {
    const auto parts = qkv.view({qkv.size(0), qkv.size(1), 24, layout.head_dim}).split(8, 2);
    return at::cat({turn(parts[0]), turn(parts[1]), parts[2]}, 2).view(qkv.sizes());
  };
  compare(
      state, normal(sizes, dtype), 2, [&](const auto& qkv) { return kernels::rope_qkv(qkv, layout, table); }, aten,
      backward);
}

using Op = void (*)(benchmark::State&, at::IntArrayRef, at::ScalarType, bool);

}  // namespace

void add_elementwise() {
  struct Case {
    const char* name;
    Op op;
    std::vector<int64_t> sizes;
  };
  const int64_t puzzles = device.is_cuda() ? 96 : 4, rows = device.is_cuda() ? 32 : 1;
  const int64_t width = device.is_cuda() ? 1280 : 768;
  const std::vector<Case> cases{{"rms_norm_residual/trm", rms_norm_residual, {puzzles, 916, 512}},
                                {"rms_norm/gpt", rms_norm, {rows, 1024, width}},
                                {"swiglu/trm", swiglu, {puzzles, 916, 3072}},
                                {"relu_squared/gpt", relu_squared, {rows, 1024, 4 * width}},
                                {"rope/trm", rope, {puzzles, 916, 1536}}};
  for (const Case& c : cases) {
    for (auto dtype : {at::kFloat, at::kBFloat16}) {
      for (bool backward : {false, true}) {
        const std::string name = std::string(c.name) + (dtype == at::kFloat ? "/float32" : "/bfloat16") +
                                 (backward ? "/forward_backward" : "/forward");
        add_benchmark(name, [=](benchmark::State& state) { c.op(state, c.sizes, dtype, backward); });
      }
    }
  }
}

}  // namespace tern::bench
