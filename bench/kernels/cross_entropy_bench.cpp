// Cross entropy with argmax and counts, forward and backward: TRM's stablemax (4 x 916 x 12, upstream's float64 path)
// and GPT's softmax with softcap (1024 x 32768).
#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/where.h>

#include "bench/kernels/alternate.h"
#include "kernels/cross_entropy/cross_entropy.h"

namespace tern::bench {
namespace {

void compare(benchmark::State& state, at::Tensor logits, const at::Tensor& labels,
             const kernels::CrossEntropyOptions& options, const std::function<at::Tensor(const at::Tensor&)>& aten) {
  const auto fused = [&](const at::Tensor& x) { return kernels::cross_entropy(x, labels, options).loss; };
  const at::Tensor gradient = at::randn(labels.sizes());
  logits.set_requires_grad(true);
  alternate(
      state, [&] { forward_backward(fused, logits, gradient); },
      [&] {
        forward_backward(aten, logits, gradient);
        benchmark::DoNotOptimize(logits.detach().argmax(-1).eq(labels).sum(-1));
      });
}

void stablemax_trm(benchmark::State& state) {
  const at::Tensor labels = at::randint(12, {4, 916}, at::kLong);
  compare(state, at::randn({4, 916, 12}), labels, {.kind = kernels::CrossEntropyKind::stablemax},
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
  const at::Tensor labels = at::randint(32768, {1024}, at::kLong);
  const kernels::CrossEntropyOptions options{.ignore_index = -1, .softcap = softcap};
  compare(state, at::randn({1024, 32768}), labels, options, [&](const at::Tensor& logits) {
    const at::Tensor z = softcap == 0 ? logits : (logits / softcap).tanh() * softcap;
    return at::cross_entropy_loss(z, labels, {}, /*reduction=*/0, -1);
  });
}

BENCHMARK(stablemax_trm)
    ->Name("cross_entropy/stablemax/trm/float32/forward_backward")
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(softmax_gpt, plain, 0.0)
    ->Name("cross_entropy/softmax/gpt/float32/forward_backward")
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(softmax_gpt, capped, 15.0)
    ->Name("cross_entropy/softmax_softcap/gpt/float32/forward_backward")
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tern::bench
