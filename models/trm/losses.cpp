#include "models/trm/losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/where.h>

#include "base/error.h"
#include "kernels/cross_entropy/cross_entropy.h"

namespace tern::trm {

namespace {

constexpr int64_t kIgnoreLabel = -100;

// Loss of every position ([batch, seq_len], with graph) in the precision that upstream has: float64 for stablemax, and
// ATen's own float32 for softmax, whose bits the fused one does not have.
kernels::CrossEntropyResult cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                          const std::string& loss_type) {
  kernels::CrossEntropyOptions options{.ignore_index = kIgnoreLabel};
  if (loss_type == "stablemax_cross_entropy") {
    options.kind = kernels::CrossEntropyKind::stablemax;
    options.float64_loss = logits.is_cpu();  // a GPU sums stablemax in split float32 and rounds once
    return kernels::cross_entropy(logits, labels, options);
  }
  if (loss_type != "softmax_cross_entropy") {
    throw Error(ErrorKind::usage, "unknown loss_type '" + loss_type + "'", "arch.loss.loss_type",
                "use stablemax_cross_entropy or softmax_cross_entropy");
  }
  auto result = kernels::cross_entropy_forward(logits.detach(), labels, options);
  result.loss = at::cross_entropy_loss(logits.to(at::kFloat).flatten(0, 1), labels.to(at::kLong).flatten(), {},
                                       at::Reduction::None, kIgnoreLabel)
                    .view(labels.sizes());
  return result;
}

at::Tensor binary_cross_entropy_sum(const at::Tensor& logits, const at::Tensor& target) {
  return at::binary_cross_entropy_with_logits(logits, target, {}, {}, at::Reduction::Sum);
}

double total_of(const at::Tensor& values) {
  return values.sum().item<double>();
}

}  // namespace

Loss act_loss(const ActStep& step, const std::string& loss_type) {
  const Outputs& outputs = step.outputs;
  const auto rows = cross_entropy(outputs.logits, step.carry.data.labels, loss_type);
  const at::Tensor divisor = rows.valid_count.clamp_min(1);  // a sequence without labels counts nothing
  const at::Tensor exact = rows.correct_count == rows.valid_count;

  const at::Tensor lm_loss = (rows.loss / divisor.unsqueeze(-1)).sum();
  const at::Tensor q_halt_loss = binary_cross_entropy_sum(outputs.q_halt_logits, exact.to(at::kFloat));
  at::Tensor q_loss = q_halt_loss;

  Loss loss;
  loss.preds = rows.argmax;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor valid = step.carry.halted & (rows.valid_count > 0);
    const at::Tensor accuracy = rows.correct_count.to(at::kFloat) / divisor;
    loss.metrics = {
        {"count", total_of(valid)},
        {"accuracy", total_of(at::where(valid, accuracy, 0))},
        {"exact_accuracy", total_of(valid & exact)},
        {"q_halt_accuracy", total_of(valid & ((outputs.q_halt_logits >= 0) == exact))},
        {"steps", total_of(at::where(valid, step.carry.steps, 0))},
        {"lm_loss", lm_loss.item<double>()},
        {"q_halt_loss", q_halt_loss.item<double>()},
    };
  }
  if (outputs.target_q_continue.defined()) {
    const at::Tensor q_continue_loss = binary_cross_entropy_sum(outputs.q_continue_logits, outputs.target_q_continue);
    loss.metrics.emplace_back("q_continue_loss", q_continue_loss.item<double>());
    q_loss = q_loss + q_continue_loss;
  }
  loss.total = lm_loss + 0.5 * q_loss;
  return loss;
}

}  // namespace tern::trm
