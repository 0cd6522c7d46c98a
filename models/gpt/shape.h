// What follows from a configuration without building the model: windows, sizes, costs. Pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "models/gpt/config.h"

namespace tern::gpt {

// Throws Error(usage) naming the key, for a model that can't be built.
void check_config(const GptConfig& config);

// A model of `depth` layers as nanochat's --depth makes it: n_embd = depth * aspect_ratio, one query and one key/value
// head per head_dim of it, or part of one. With base.round_width, as today, n_embd is rounded up to a multiple of
// head_dim; without, as in nanochat's first release, the heads share it and are smaller than head_dim where it isn't
// one. Throws Error(usage) where they can't share it evenly. All other keys are those of `base`.
[[nodiscard]] GptConfig with_depth(GptConfig base, int64_t depth, int64_t aspect_ratio, int64_t head_dim);

[[nodiscard]] bool has_value_embedding(const GptConfig& config, int64_t layer);

// Tokens that each layer sees before the current one. A layer with all of them has sequence_len (not -1), as upstream:
// positions beyond sequence_len, which only generation reaches, don't see the beginning.
[[nodiscard]] std::vector<int64_t> window_sizes(const GptConfig& config);

// Numbers of parameters by nanochat's groups.
struct ParameterCounts {
  int64_t wte = 0;
  int64_t value_embeds = 0;
  int64_t lm_head = 0;
  int64_t transformer_matrices = 0;
  int64_t scalars = 0;  // lambdas and the smear gate

  [[nodiscard]] int64_t total() const { return wte + value_embeds + lm_head + transformer_matrices + scalars; }
  // The number that the token horizon is a multiple of ("scaling parameters").
  [[nodiscard]] int64_t scaling() const { return transformer_matrices + lm_head; }
};

[[nodiscard]] ParameterCounts count_parameters(const GptConfig& config);

// Floating point operations of a training step per token: 6 per parameter of a matrix product, 12 * width * context per
// layer for attention (Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
[[nodiscard]] double flops_per_token(const GptConfig& config);

}  // namespace tern::gpt
