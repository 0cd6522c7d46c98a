#include "models/gpt/loss.h"

#include <ATen/TensorOperators.h>

#include "kernels/linear_cross_entropy/linear_cross_entropy.h"

namespace tern::gpt {

Loss token_loss(const Gpt& model, const at::Tensor& hidden, const at::Tensor& targets, double scale) {
  const at::ScalarType loss_dtype = hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor counts = targets.ne(kIgnoredTarget).to(loss_dtype);
  const at::Tensor row_weight = counts * (scale / counts.sum());
  const auto result = kernels::linear_cross_entropy(
      hidden, model.read_lm_head(), targets, row_weight,
      {.ignore_index = kIgnoredTarget, .softcap = model.config().softcap, .vocab = model.config().vocab_size});
  return {result.total, result.rows.loss, result.rows.argmax};
}

}  // namespace tern::gpt
