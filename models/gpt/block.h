// One layer, pre-norm (Radford et al. 2019; Zhang and Sennrich 2019 for the norm, which has no parameters):
//
//   h = x + c_proj(attention(norm(x)))       causal, rotary positions, normalised queries and keys, windows, GQA
//   y = h + mlp.c_proj(relu(mlp.c_fc(norm(h)))^2)
//
// Legend: B rows, T tokens, D n_embd, H query heads, K key/value heads, C head_dim.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "kernels/attention/attention.h"
#include "kernels/common/shadow_weight.h"
#include "kernels/rope/rope.h"
#include "models/gpt/config.h"
#include "models/gpt/kv_cache.h"

namespace tern::gpt {

// All [out, in], without bias; read in the dtype of the activations.
struct Block {
  kernels::ShadowedWeight c_q;         // [H C, D]
  kernels::ShadowedWeight c_k;         // [K C, D]
  kernels::ShadowedWeight c_v;         // [K C, D]
  kernels::ShadowedWeight c_proj;      // [D, H C]
  kernels::ShadowedWeight ve_gate;     // [K, ve_gate_channels]; undefined in layers without value embeddings
  kernels::ShadowedWeight c_fc;        // [4 D, D]
  kernels::ShadowedWeight mlp_c_proj;  // [D, 4 D]
};

// What a layer needs besides its weights.
struct LayerContext {
  const GptConfig& config;
  kernels::RopeTable rope;
  int64_t layer = 0;
  int64_t window = 0;  // tokens seen before the current one
  kernels::AttentionBackend attention_backend = kernels::AttentionBackend::fused;
};

// x_BTD: contiguous. value_embedding: [B, T, K C], undefined in layers without. Both carry their graph on.
[[nodiscard]] at::Tensor block_forward(const Block& block, const LayerContext& context, const at::Tensor& x_BTD,
                                       const at::Tensor& value_embedding);

// The same for T tokens that follow those in the cache, to which theirs are added (the caller advances it). No
// gradient.
[[nodiscard]] at::Tensor block_forward_cached(const Block& block, const LayerContext& context, const at::Tensor& x_BTD,
                                              const at::Tensor& value_embedding, KvCache& cache);

// How attention is computed in a layer.
[[nodiscard]] kernels::AttentionOptions attention_options(const LayerContext& context);

// The factor on the scores; qk_scale is in it twice, instead of multiplying queries and keys.
[[nodiscard]] double score_scale(const GptConfig& config);

// x [..., in] times weight [out, in].
[[nodiscard]] at::Tensor project(const at::Tensor& x, const kernels::ShadowedWeight& weight);

}  // namespace tern::gpt
