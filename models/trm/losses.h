// The ACT loss: cross entropy of the answer, and binary cross entropy of the halting signals.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/trm/act.h"

namespace tern::trm {

struct Loss {
  // lm_loss + 0.5 * (q_halt_loss + q_continue_loss), summed over the batch: divide by the global batch size before
  // backward. Scalar with graph.
  at::Tensor total;
  // Sums under upstream's names: count, accuracy, exact_accuracy, q_halt_accuracy and steps over the examples that
  // halted in this step, then the losses over all examples.
  std::vector<std::pair<std::string, double>> metrics;
  at::Tensor preds;  // [batch, seq_len] int64
};

// loss_type: stablemax_cross_entropy (upstream's "stablemax": s(x) = x + 1 for x >= 0, 1 / (1 - x) below, computed in
// float64) or softmax_cross_entropy. Throws Error(usage) for another name.
[[nodiscard]] Loss act_loss(const ActStep& step, const std::string& loss_type);

}  // namespace tern::trm
