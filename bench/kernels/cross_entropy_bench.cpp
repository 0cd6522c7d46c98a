// Cross entropy with argmax and counts, forward and backward: TRM's stablemax (916 x 12 of 4 puzzles, on a GPU of 96;
// upstream's float64 path) and GPT's softmax with softcap (1024 x 32768, on a GPU 8192 x 32768), alone and with the
// output projection (on a GPU, bfloat16).
#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/where.h>

#include "bench/kernels/alternate.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/linear_cross_entropy/linear_cross_entropy.h"

namespace tern::bench {
namespace {

void compare(benchmark::State& state, at::Tensor logits, const at::Tensor& labels,
             const kernels::CrossEntropyOptions& options, const std::function<at::Tensor(const at::Tensor&)>& aten) {
  const auto fused = [&](const at::Tensor& x) { return kernels::cross_entropy(x, labels, options).loss; };
  const at::Tensor gradient = at::randn(labels.sizes(), on(at::kFloat));
  logits.set_requires_grad(true);
  alternate(
      state, [&] { forward_backward(fused, logits, gradient); },
      [&] {
        forward_backward(aten, logits, gradient);
        benchmark::DoNotOptimize(logits.detach().argmax(-1).eq(labels).sum(-1));
      });
}

void stablemax_trm(benchmark::State& state) {
  const int64_t puzzles = device.is_cuda() ? 96 : 4;
  const at::Tensor labels = at::randint(12, {puzzles, 916}, on(at::kLong));
  compare(state, at::randn({puzzles, 916, 12}, on(at::kFloat)), labels, {.kind = kernels::CrossEntropyKind::stablemax},
          [&](const at::Tensor& logits) {
            const at::Tensor x = logits.to(at::kDouble);
            const at::Tensor s = at::where(x < 0, (1 - x + 1e-30).reciprocal(), x + 1);
            const at::Tensor log_p = (s / s.sum(-1, true)).log();
            const at::Tensor valid = labels.ne(-100);
            const at::Tensor picked = log_p.gather(-1, labels.masked_fill(~valid, 0).unsqueeze(-1)).squeeze(-1);
            return (-picked.masked_fill(~valid, 0)).to(at::kFloat);
          });
}

void softmax_gpt(benchmark::State& state, double softcap) {
  const int64_t rows = device.is_cuda() ? 8192 : 1024;
  const at::Tensor labels = at::randint(32768, {rows}, on(at::kLong));
  const kernels::CrossEntropyOptions options{.ignore_index = -1, .softcap = softcap};
  compare(state, at::randn({rows, 32768}, on(at::kFloat)), labels, options, [&](const at::Tensor& logits) {
    const at::Tensor z = softcap == 0 ? logits : (logits / softcap).tanh() * softcap;
    return at::cross_entropy_loss(z, labels, {}, /*reduction=*/0, -1);
  });
}

// With the output projection, width 1280; plain ATen keeps the logits, in bfloat16 and float32.
void linear_gpt(benchmark::State& state) {
  constexpr int64_t kRows = 8192, kWidth = 1280, kVocab = 32768;
  at::Tensor hidden = at::randn({kRows, kWidth}, on(at::kBFloat16)).set_requires_grad(true);
  at::Tensor weight = (at::randn({kVocab, kWidth}, on(at::kBFloat16)) * 0.02).set_requires_grad(true);
  const at::Tensor labels = at::randint(kVocab, {kRows}, on(at::kLong));
  const at::Tensor row_weight = at::full({kRows}, 1.0 / kRows, on(at::kFloat));
  const auto clear = [&] {
    hidden.mutable_grad() = at::Tensor();
    weight.mutable_grad() = at::Tensor();
  };
  alternate(
      state,
      [&] {
        clear();
        kernels::linear_cross_entropy(hidden, weight, labels, row_weight, {.softcap = 15}).total.backward();
      },
      [&] {
        clear();
        const at::Tensor logits = (at::linear(hidden, weight).to(at::kFloat) / 15).tanh() * 15;
        at::cross_entropy_loss(logits, labels).backward();
      },
      {.flops = 6.0 * kRows * kWidth * kVocab});
}

}  // namespace

void add_cross_entropy() {
  add_benchmark("cross_entropy/stablemax/trm/float32/forward_backward", stablemax_trm);
  add_benchmark("cross_entropy/softmax/gpt/float32/forward_backward",
                [](benchmark::State& state) { softmax_gpt(state, 0); });
  add_benchmark("cross_entropy/softmax_softcap/gpt/float32/forward_backward",
                [](benchmark::State& state) { softmax_gpt(state, 15); });
  if (device.is_cuda()) add_benchmark("linear_cross_entropy/gpt/bfloat16/forward_backward", linear_gpt);
}

}  // namespace tern::bench
