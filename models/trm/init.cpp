#include "models/trm/init.h"

#include <cmath>

#include <ATen/core/grad_mode.h>

namespace tern::trm {

void trunc_normal_(at::Tensor& tensor, double std, at::Generator& generator) {
  const at::NoGradGuard no_grad;
  if (std == 0) {
    tensor.zero_();
    return;
  }
  constexpr double lower = -2.0;
  constexpr double upper = 2.0;
  const double sqrt2 = std::sqrt(2.0);
  const double a = std::erf(lower / sqrt2);
  const double b = std::erf(upper / sqrt2);
  const double z = (b - a) / 2;  // probability mass inside the cut
  const double c = 1 / std::sqrt(2 * M_PI);
  const double pdf_upper = c * std::exp(-0.5 * upper * upper);
  const double pdf_lower = c * std::exp(-0.5 * lower * lower);
  // Variance of the cut unit normal; dividing by its root makes the result's standard deviation std.
  const double mean_shift = (pdf_upper - pdf_lower) / z;
  const double variance = 1 - (upper * pdf_upper - lower * pdf_lower) / z - mean_shift * mean_shift;
  const double scale = std / std::sqrt(variance);

  tensor.uniform_(a, b, generator);
  tensor.erfinv_();
  tensor.mul_(sqrt2 * scale);
  tensor.clip_(lower * scale, upper * scale);
}

}  // namespace tern::trm
