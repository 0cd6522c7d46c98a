#include "engine/optim/scaling_rules.h"

#include <cmath>
#include <string>

#include "base/error.h"

namespace tern {

namespace {

constexpr double kBatchExponent = 0.383;

double over_reference(int64_t batch_size) {
  return static_cast<double>(batch_size) / static_cast<double>(kReferenceBatch);
}

}  // namespace

int64_t target_tokens(double data_param_ratio, int64_t scaling_params) {
  return static_cast<int64_t>(data_param_ratio * static_cast<double>(scaling_params));
}

int64_t best_batch_size(double tokens, double reference_tokens) {
  const double best = static_cast<double>(kReferenceBatch) * std::pow(tokens / reference_tokens, kBatchExponent);
  return int64_t{1} << static_cast<int>(std::nearbyint(std::log2(best)));
}

double batch_lr_scale(int64_t batch_size) {
  return std::sqrt(over_reference(batch_size));
}

double width_lr_scale(int64_t width) {
  return 1 / std::sqrt(static_cast<double>(width) / static_cast<double>(kReferenceWidth));
}

double scaled_weight_decay(double weight_decay, int64_t batch_size, double tokens, double reference_tokens) {
  return weight_decay * std::sqrt(over_reference(batch_size)) * (reference_tokens / tokens);
}

int64_t training_iterations(const Horizon& horizon, double flops_per_token, int64_t scaling_params,
                            int64_t batch_size) {
  int64_t iterations = 0;
  std::string from;
  if (horizon.num_iterations > 0) return horizon.num_iterations;
  if (horizon.target_flops > 0) {
    from = "target_flops";
    const double flops_per_step = flops_per_token * static_cast<double>(batch_size);
    iterations = static_cast<int64_t>(std::nearbyint(horizon.target_flops / flops_per_step));
  } else if (horizon.data_param_ratio > 0) {
    from = "target_param_data_ratio";
    iterations = target_tokens(horizon.data_param_ratio, scaling_params) / batch_size;
  } else {
    throw Error(ErrorKind::usage, "nothing says how long to train", "in the configuration",
                "give num_iterations, target_flops or target_param_data_ratio");
  }
  if (iterations < 1) {
    throw Error(ErrorKind::usage, from + " is less than one batch of " + std::to_string(batch_size) + " tokens",
                "in the configuration", "raise it or lower total_batch_size");
  }
  return iterations;
}

}  // namespace tern
