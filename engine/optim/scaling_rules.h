// From the settings of one well-tuned model to those of another size: nanochat's extrapolations, pure functions.
//
// The reference is the model of depth 12 with a batch of 2^19 tokens, for which learning rates and weight decay were
// tuned; D tokens of training, B tokens per batch.
#pragma once

#include <cstdint>

namespace tern {

inline constexpr int64_t kReferenceBatch = int64_t{1} << 19;
inline constexpr int64_t kReferenceDepth = 12;
inline constexpr int64_t kReferenceWidth = 768;

// Training tokens in a fixed ratio to the parameters that count (Hoffmann et al. 2022, arXiv 2203.15556): rounded down.
[[nodiscard]] int64_t target_tokens(double data_param_ratio, int64_t scaling_params);

// B = B_ref (D / D_ref)^0.383 (Bergsma et al. 2025, "Power Lines", arXiv 2505.13738), to the nearest power of two.
[[nodiscard]] int64_t best_batch_size(double tokens, double reference_tokens);

// Learning rates grow with sqrt(B / B_ref) (Malladi et al. 2022, arXiv 2205.10287, for Adam; assumed for Muon).
[[nodiscard]] double batch_lr_scale(int64_t batch_size);

// AdamW's learning rates fall with the width: (width / 768)^-1/2 (in the spirit of Yang et al. 2022, arXiv 2203.03466).
[[nodiscard]] double width_lr_scale(int64_t width);

// Keeps the averaging horizon B / (lr * weight_decay * D) constant under the learning rate above (Wang and Aitchison
// 2024, arXiv 2405.13698): weight_decay sqrt(B / B_ref) D_ref / D.
[[nodiscard]] double scaled_weight_decay(double weight_decay, int64_t batch_size, double tokens,
                                         double reference_tokens);

// What a run is told about its length; the first that is given (positive) decides.
struct Horizon {
  int64_t num_iterations = -1;
  double target_flops = -1;
  double data_param_ratio = 12;
};

// Throws Error(usage) when nothing is given or less than one iteration comes out.
[[nodiscard]] int64_t training_iterations(const Horizon& horizon, double flops_per_token, int64_t scaling_params,
                                          int64_t batch_size);

}  // namespace tern
