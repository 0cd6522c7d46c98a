#include "models/gpt/bits_per_byte.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <limits>

namespace tern::gpt {

void BitsPerByte::add(const at::Tensor& loss, const at::Tensor& targets, const at::Tensor& byte_lengths) {
  const at::Tensor known = targets.clamp_min(0);
  const at::Tensor lengths = byte_lengths.index_select(0, known.flatten()).view(targets.sizes()) * targets.ge(0);
  nats += (loss.detach().to(at::kDouble) * lengths.gt(0)).sum().item<double>();
  bytes += lengths.sum().item<int64_t>();
}

double BitsPerByte::value() const {
  if (bytes == 0) return std::numeric_limits<double>::infinity();
  return nats / (std::log(2.0) * static_cast<double>(bytes));
}

}  // namespace tern::gpt
