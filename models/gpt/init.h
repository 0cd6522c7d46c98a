// Initial values of the GPT's weights.
//
//                         nanochat                           nanochat_2025_10
//   wte                   normal, std 0.8                    normal, std 1
//   lm_head               normal, std 0.001                  zeros
//   c_q, c_k, c_v         uniform, std 1 / sqrt(n_embd)      normal, std min(1, sqrt(out / in)) / sqrt(in)
//   mlp.c_fc              uniform, std 0.4 / sqrt(n_embd)    the same formula (Yang et al. 2023, arXiv 2310.17813)
//   c_proj (both)         zeros                              zeros
//   value embeddings      uniform, std 1 / sqrt(n_embd)      the same
//   gates                 uniform in 0 to 0.02               the same
//   resid_lambdas         1.15 falling to 1.05 by layer      the same
//   x0_lambdas            0.20 falling to 0.05 by layer      the same
//   smear_lambda 0, backout_lambda 0.2                       the same
//
// (The first release had none of the parts in the last five rows.)
#pragma once

#include <ATen/core/Generator.h>

#include "models/gpt/gpt.h"

namespace tern::gpt {

// Fills the parameters in place, in their order, drawing from generator.
void init_weights(const GptConfig& config, const NamedTensors& parameters, at::Generator& generator);

}  // namespace tern::gpt
