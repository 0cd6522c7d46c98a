#include "models/gpt/block.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/relu_squared/relu_squared.h"
#include "kernels/rms_norm/rms_norm.h"

namespace tern::gpt {

namespace {

at::Tensor norm(const at::Tensor& x, const GptConfig& config) {
  return kernels::rms_norm(x, config.norm_eps);
}

kernels::QkvLayout layout(const GptConfig& config) {
  return {config.n_head, config.n_kv_head, config.head_dim()};
}

// v [B, T, K C] with the gated value embedding added (Zhou et al. 2024, arXiv 2410.17897).
at::Tensor add_value_embedding(const Block& block, const GptConfig& config, const at::Tensor& x_BTD,
                               const at::Tensor& v, const at::Tensor& embedding) {
  const at::Tensor gate_BTK = 3 * at::sigmoid(project(x_BTD.narrow(2, 0, config.ve_gate_channels), block.ve_gate));
  const at::Tensor by_head = embedding.view({x_BTD.size(0), x_BTD.size(1), config.n_kv_head, config.head_dim()});
  return v + (gate_BTK.unsqueeze(3) * by_head).flatten(2);
}

// Packed queries, keys and values [B, T, (H + 2 K) C] of x (normalised), before the rotation. Queries and keys are
// normalised before it instead of after it, as upstream does: a rotation doesn't change their norm.
at::Tensor project_qkv(const Block& block, const GptConfig& config, const at::Tensor& x_BTD,
                       const at::Tensor& value_embedding) {
  const int64_t batch = x_BTD.size(0), tokens = x_BTD.size(1);
  const int64_t kv_width = config.n_kv_head * config.head_dim();
  const at::Tensor qkv = at::linear(x_BTD, at::cat({block.c_q.read(), block.c_k.read(), block.c_v.read()}));
  if (!config.qk_norm && !value_embedding.defined()) return qkv;
  const int64_t qk_width = qkv.size(2) - kv_width;
  at::Tensor qk = qkv.narrow(2, 0, qk_width);
  at::Tensor v = qkv.narrow(2, qk_width, kv_width);
  if (config.qk_norm) qk = norm(qk.reshape({batch, tokens, -1, config.head_dim()}), config).flatten(2);
  if (value_embedding.defined()) v = add_value_embedding(block, config, x_BTD, v, value_embedding);
  return at::cat({qk, v}, 2);
}

at::Tensor mlp(const Block& block, const at::Tensor& x_BTD) {
  return kernels::relu_squared_linear(project(x_BTD, block.c_fc), block.mlp_c_proj.read());
}

// Heads [first, first + count) of packed [B, T, heads C] as [B, count, T, C].
at::Tensor heads(const at::Tensor& packed, const GptConfig& config, int64_t first, int64_t count) {
  return packed.view({packed.size(0), packed.size(1), -1, config.head_dim()}).narrow(2, first, count).transpose(1, 2);
}

// Which of `seen` keys, the last of which belong to the queries themselves, a query must not see: [T, seen].
at::Tensor hidden_keys(int64_t tokens, int64_t seen, int64_t window, at::Device device) {
  const at::Tensor query = at::arange(seen - tokens, seen, at::device(device).dtype(at::kLong)).unsqueeze(1);
  const at::Tensor key = at::arange(seen, at::device(device).dtype(at::kLong)).unsqueeze(0);
  return (key > query).logical_or(query - key > window);
}

// Attention of the queries [B, H, T, C] to all keys and values of the cache, of which the last T are their own.
at::Tensor attend_cached(const LayerContext& context, const at::Tensor& q, const KvCache& cache) {
  const int64_t batch = q.size(0), tokens = q.size(2), kv_heads = context.config.n_kv_head;
  at::Tensor k = cache.keys(context.layer, tokens), v = cache.values(context.layer, tokens);
  // Keys that no query sees are left out; for one token that is all the masking there is.
  const int64_t seen = std::min(k.size(2), context.window + tokens);
  k = k.narrow(2, k.size(2) - seen, seen);
  v = v.narrow(2, v.size(2) - seen, seen);
  // The queries of the heads that share a key head are rows of one matrix product.
  const at::Tensor grouped = q.reshape({batch, kv_heads, -1, q.size(3)});
  at::Tensor scores = at::matmul(grouped, k.transpose(2, 3)) * score_scale(context.config);
  if (tokens > 1) {
    scores = scores.view({batch, q.size(1), tokens, seen})
                 .masked_fill(hidden_keys(tokens, seen, context.window, q.device()),
                              -std::numeric_limits<double>::infinity())
                 .view({batch, kv_heads, -1, seen});
  }
  return at::matmul(at::softmax(scores, -1), v).view(q.sizes());
}

}  // namespace

kernels::AttentionOptions attention_options(const LayerContext& context) {
  return {.layout = layout(context.config),
          .causal = true,
          .window_left = context.window,
          .scale = score_scale(context.config),
          .rope = context.rope,
          .backend = context.attention_backend};
}

double score_scale(const GptConfig& config) {
  return config.qk_scale * config.qk_scale / std::sqrt(static_cast<double>(config.head_dim()));
}

at::Tensor project(const at::Tensor& x, const kernels::ShadowedWeight& weight) {
  return at::linear(x, weight.read());
}

at::Tensor block_forward(const Block& block, const LayerContext& context, const at::Tensor& x_BTD,
                         const at::Tensor& value_embedding) {
  const GptConfig& config = context.config;
  const at::Tensor qkv = project_qkv(block, config, norm(x_BTD, config), value_embedding);
  const at::Tensor attended = kernels::attention(qkv, attention_options(context));
  const at::Tensor h_BTD = x_BTD + project(attended, block.c_proj);
  return h_BTD + mlp(block, norm(h_BTD, config));
}

at::Tensor block_forward_cached(const Block& block, const LayerContext& context, const at::Tensor& x_BTD,
                                const at::Tensor& value_embedding, KvCache& cache) {
  const GptConfig& config = context.config;
  at::Tensor qkv = project_qkv(block, config, norm(x_BTD, config), value_embedding).contiguous();
  kernels::RopeTable rope = context.rope;
  rope.first_position = cache.length();
  kernels::rope_qkv_(qkv, layout(config), rope);
  cache.write(context.layer, heads(qkv, config, config.n_head, config.n_kv_head),
              heads(qkv, config, config.n_head + config.n_kv_head, config.n_kv_head));
  const at::Tensor attended = attend_cached(context, heads(qkv, config, 0, config.n_head), cache);
  const at::Tensor h_BTD = x_BTD + project(attended.transpose(1, 2).flatten(2), block.c_proj);
  return h_BTD + mlp(block, norm(h_BTD, config));
}

}  // namespace tern::gpt
