// The GPT's parameters in the groups of its optimizer, with nanochat's rates.
#pragma once

#include <string>
#include <vector>

#include "engine/optim/muon_adamw.h"
#include "models/gpt/gpt.h"

namespace tern {

// Learning rates for a model of width 768 and a batch of 2^19 tokens (engine/optim/scaling_rules.h has the rest).
struct GptRates {
  double embedding_lr = 0.3;
  double unembedding_lr = 0.008;
  double matrix_lr = 0.02;
  double scalar_lr = 0.5;
};

// How the optimizer differs between nanochat's releases: keys of configs/gpt/*.yaml.
struct GptOptimizerConfig {
  std::string orthogonalization = "polar_express";  // or newton_schulz
  int64_t iterations = 5;
  bool equilibrate = true;
  bool renormalize = true;
  bool reduce_variance = true;
  double muon_beta2 = 0.9;
  double unembedding_beta2 = 0.96;
  double unembedding_weight_decay = 0.01;
  double embedding_beta2 = 0.995;
  double embedding_weight_decay = 0.001;
  double momentum_peak = 0.97;  // Muon's momentum rises from 0.85 to this over momentum_steps,
  double momentum_end = 0.90;   // and falls to this while the learning rates fall
  int64_t momentum_steps = 400;
  std::string grad_clip_of = "mean";  // or process: with several, each clips its own gradients before they are averaged
};

struct GptGroups {
  std::vector<AdamWGroup> adamw;
  MuonGroup muon;
};

// AdamW: lm_head, wte, value embeddings, resid_lambdas, x0_lambdas, smear and backout, in nanochat's order, without the
// groups that the model has nothing for. The first three rates are scaled by the width. Muon: all matrices of the
// layers.
[[nodiscard]] GptGroups gpt_groups(const gpt::Gpt& model, const GptRates& rates, const GptOptimizerConfig& config);

}  // namespace tern
