// Attention with its rotation on the packed projection, against the eager rotation and ATen's fused attention, which is
// what upstream runs on a CPU.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "bench/kernels/alternate.h"
#include "kernels/attention/attention.h"

namespace tern::bench {
namespace {

struct Case {
  const char* name;
  int64_t batch, seq_len, heads, head_dim;
  bool causal;
};

void attention(benchmark::State& state, const Case& c, bool backward) {
  kernels::AttentionOptions options{.layout = {c.heads, c.heads, c.head_dim}, .causal = c.causal};
  options.rope = kernels::make_rope_table(c.seq_len, c.head_dim, 10000);
  const at::Tensor cos = at::cat({options.rope.cos, options.rope.cos}, -1).unsqueeze(1);
  const at::Tensor sin = at::cat({options.rope.sin, options.rope.sin}, -1).unsqueeze(1);
  const auto turn = [&](const at::Tensor& x) {
    const auto halves = x.chunk(2, -1);
    return (x * cos + at::cat({-halves[1], halves[0]}, -1) * sin).transpose(1, 2);
  };
  const auto aten = [&](const at::Tensor& qkv) {
    const auto parts = qkv.view({c.batch, c.seq_len, 3 * c.heads, c.head_dim}).split(c.heads, 2);
    return at::scaled_dot_product_attention(turn(parts[0]), turn(parts[1]), parts[2].transpose(1, 2), {}, 0.0, c.causal)
        .transpose(1, 2)
        .reshape({c.batch, c.seq_len, c.heads * c.head_dim});
  };
  const auto fused = [&](const at::Tensor& qkv) { return kernels::attention(qkv, options); };
  at::Tensor qkv = at::randn({c.batch, c.seq_len, options.layout.width()});
  if (!backward) {
    const at::NoGradGuard no_grad;
    alternate(
        state, [&] { fused(qkv); }, [&] { aten(qkv); });
    return;
  }
  qkv.set_requires_grad(true);
  const at::Tensor gradient = at::randn({c.batch, c.seq_len, c.heads * c.head_dim});
  alternate(
      state, [&] { forward_backward(fused, qkv, gradient); }, [&] { forward_backward(aten, qkv, gradient); });
}

const bool kRegistered = [] {
  for (const Case& c : {Case{"attention/trm", 4, 916, 8, 64, false}, Case{"attention/gpt", 1, 1024, 6, 128, true}}) {
    for (bool backward : {false, true}) {
      const std::string name = std::string(c.name) + (backward ? "/float32/forward_backward" : "/float32/forward");
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { attention(state, c, backward); })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace tern::bench
