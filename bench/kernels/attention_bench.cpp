// Attention with its rotation on the packed projection. On the CPU against the eager rotation and ATen's fused
// attention, which is what upstream runs there; on a GPU in bfloat16 against ATen's FlashAttention and cuDNN behind
// this project's rotation, at TRM's and GPT's shapes and (without a rotation) at those that others published.
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
  bool causal = false;
  int64_t window = -1;
  bool rope = true;
};

using Function = std::function<at::Tensor(const at::Tensor&)>;

kernels::AttentionOptions options_of(const Case& c) {
  kernels::AttentionOptions options{
      .layout = {c.heads, c.heads, c.head_dim}, .causal = c.causal, .window_left = c.window};
  if (c.rope) {
    options.rope = kernels::make_rope_table(c.seq_len, c.head_dim, 10000);
    options.rope.cos = options.rope.cos.to(device);
    options.rope.sin = options.rope.sin.to(device);
  }
  return options;
}

// The forward pass's, as the papers count; a backward pass is 2.5 times as much.
double flops(const Case& c) {
  const double all = static_cast<double>(4 * c.batch * c.heads * c.seq_len * c.head_dim) *
                     static_cast<double>(c.window < 0 ? c.seq_len : c.window);
  return c.causal && c.window < 0 ? all / 2 : all;
}

// As upstream writes it for a CPU.
Function eager(const Case& c) {
  const kernels::RopeTable rope = options_of(c).rope;
  const at::Tensor cos = at::cat({rope.cos, rope.cos}, -1).unsqueeze(1);
  const at::Tensor sin = at::cat({rope.sin, rope.sin}, -1).unsqueeze(1);
  return [=](const at::Tensor& qkv) {
    const auto turn = [&](const at::Tensor& x) {
      const auto halves = x.chunk(2, -1);
      return (x * cos + at::cat({-halves[1], halves[0]}, -1) * sin).transpose(1, 2);
    };
    const auto parts = qkv.view({c.batch, c.seq_len, 3 * c.heads, c.head_dim}).split(c.heads, 2);
    return at::scaled_dot_product_attention(turn(parts[0]), turn(parts[1]), parts[2].transpose(1, 2), {}, 0.0, c.causal)
        .transpose(1, 2)
        .reshape({c.batch, c.seq_len, c.heads * c.head_dim});
  };
}

Function backend(const Case& c, kernels::AttentionBackend which, bool deterministic) {
  kernels::AttentionOptions options = options_of(c);
  options.backend = which;
  options.deterministic = deterministic;
  return [=](const at::Tensor& qkv) { return kernels::attention(qkv, options); };
}

void run(benchmark::State& state, const Case& c, at::ScalarType dtype, bool backward, const Function& fused,
         const Function& other) {
  at::Tensor qkv = at::randn({c.batch, c.seq_len, 3 * c.heads * c.head_dim}, on(dtype));
  if (!backward) {
    const at::NoGradGuard no_grad;
    alternate(
        state, [&] { fused(qkv); }, [&] { other(qkv); }, {.flops = flops(c)});
    return;
  }
  qkv.set_requires_grad(true);
  const at::Tensor gradient = at::randn({c.batch, c.seq_len, c.heads * c.head_dim}, on(dtype));
  alternate(
      state, [&] { forward_backward(fused, qkv, gradient); }, [&] { forward_backward(other, qkv, gradient); },
      {.flops = 3.5 * flops(c)});
}

void add_cpu() {
  for (const Case& c : {Case{"attention/trm", 4, 916, 8, 64}, Case{"attention/gpt", 1, 1024, 6, 128, true}}) {
    for (bool backward : {false, true}) {
      add_benchmark(std::string(c.name) + "/float32" + (backward ? "/forward_backward" : "/forward"),
                    [=](benchmark::State& state) {
                      run(state, c, at::kFloat, backward, backend(c, kernels::AttentionBackend::fused, true), eager(c));
                    });
    }
  }
}

void add_gpu() {
  using kernels::AttentionBackend;
  const std::vector<Case> cases{{"attention/head_64_full_1k", 16, 1024, 32, 64, false, -1, false},
                                {"attention/head_128_causal_2k", 8, 2048, 16, 128, true, -1, false},
                                {"attention/trm", 96, 916, 8, 64},
                                {"attention/gpt_d20", 32, 2048, 10, 128, true},
                                {"attention/gpt_d20_window_512", 32, 2048, 10, 128, true, 512}};
  struct Pass {
    const char* name;
    bool backward, deterministic;
  };
  for (const Case& c : cases) {
    for (const auto& [other_name, other] :
         {std::pair("flash", AttentionBackend::flash), {"cudnn", AttentionBackend::cudnn}}) {
      for (const Pass& pass : {Pass{"forward", false, true}, Pass{"forward_backward", true, true},
                               Pass{"forward_backward_by_atomics", true, false}}) {
        add_benchmark(std::string(c.name) + "/bfloat16/" + pass.name + "/against_" + other_name,
                      [=, other = other](benchmark::State& state) {
                        run(state, c, at::kBFloat16, pass.backward,
                            backend(c, AttentionBackend::fused, pass.deterministic),
                            backend(c, other, pass.deterministic));
                      });
      }
    }
  }
}

}  // namespace

void add_attention() {
  device.is_cuda() ? add_gpu() : add_cpu();
}

}  // namespace tern::bench
