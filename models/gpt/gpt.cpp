#include "models/gpt/gpt.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tanh.h>

#include <algorithm>

#include "base/error.h"
#include "kernels/attention/attention_choice.h"
#include "kernels/embedding/embedding.h"
#include "kernels/rms_norm/rms_norm.h"
#include "models/gpt/init.h"
#include "models/gpt/shape.h"

namespace tern::gpt {

namespace {

at::ScalarType dtype_by_name(const std::string& name) {
  if (name == "float64") return at::kDouble;
  return name == "float32" ? at::kFloat : at::kBFloat16;
}

}  // namespace

void check_tokens(const GptConfig& config, std::span<const int64_t> tokens) {
  if (tokens.empty()) return;
  const auto [smallest, largest] = std::ranges::minmax(tokens);
  if (smallest >= 0 && largest < config.vocab_size) return;
  throw Error(ErrorKind::data,
              "token " + std::to_string(smallest < 0 ? smallest : largest) + " is outside the model's vocabulary of " +
                  std::to_string(config.vocab_size),
              "", "use the tokenizer that the model was trained with");
}

Gpt::Gpt(const GptConfig& config, at::Generator& generator, at::Device device) : Gpt(config, nullptr, device) {
  init_weights(config_, parameters_, generator);
}

Gpt::Gpt(const GptConfig& config, const NamedTensors& weights) : Gpt(config, &weights, weights.at(0).second.device()) {}

Gpt::Gpt(const GptConfig& config, const NamedTensors* weights, at::Device device)
    : config_(config),
      dtype_(dtype_by_name(config.forward_dtype)),
      weight_dtype_(dtype_ == at::kDouble ? at::kDouble : at::kFloat),
      device_(device),
      given_(weights) {
  check_config(config_);
  const int64_t width = config_.n_embd, vocab = config_.padded_vocab();
  if (config_.resid_lambdas) resid_lambdas_ = parameter("resid_lambdas", {config_.n_layer});
  if (config_.x0_lambdas) x0_lambdas_ = parameter("x0_lambdas", {config_.n_layer});
  if (config_.smear) smear_lambda_ = parameter("smear_lambda", {1});
  if (config_.backout) backout_lambda_ = parameter("backout_lambda", {1});
  wte_ = parameter("transformer.wte.weight", {vocab, width});
  for (int64_t layer = 0; layer < config_.n_layer; ++layer) make_block(layer);
  lm_head_ = shadowed_parameter("lm_head.weight", {vocab, width});
  if (config_.smear) smear_gate_ = shadowed_parameter("smear_gate.weight", {1, config_.smear_channels});
  value_embeds_.resize(static_cast<size_t>(config_.n_layer));
  for (int64_t layer = 0; layer < config_.n_layer; ++layer) {
    if (!has_value_embedding(config_, layer)) continue;
    value_embeds_[static_cast<size_t>(layer)] =
        parameter("value_embeds." + std::to_string(layer) + ".weight", {vocab, config_.n_kv_head * config_.head_dim()});
  }
  windows_ = window_sizes(config_);
  rope_ = kernels::make_rope_table(config_.max_positions(), config_.head_dim(), config_.rope_base,
                                   kernels::RopeDirection::clockwise, weight_dtype_);
  rope_.cos = rope_.cos.to(device);
  rope_.sin = rope_.sin.to(device);
  given_ = nullptr;
}

at::Tensor Gpt::parameter(const std::string& name, at::IntArrayRef sizes) {
  at::Tensor tensor;
  if (given_ == nullptr) {
    tensor = at::empty(sizes, at::device(device_).dtype(weight_dtype_));
    tensor.set_requires_grad(true);
  } else {
    tensor = given_->at(parameters_.size()).second;
    TERN_CHECK(given_->at(parameters_.size()).first == name && tensor.sizes() == sizes, "weights of another model");
  }
  parameters_.emplace_back(name, tensor);
  return tensor;
}

kernels::ShadowedWeight Gpt::shadowed_parameter(const std::string& name, at::IntArrayRef sizes) {
  return {parameter(name, sizes), shadows_[name] = std::make_shared<kernels::ShadowWeight>(dtype_)};
}

std::shared_ptr<kernels::ShadowWeight> Gpt::shadow(const std::string& name) const {
  const auto found = shadows_.find(name);
  return found == shadows_.end() ? nullptr : found->second;
}

void Gpt::make_block(int64_t layer) {
  const int64_t width = config_.n_embd, kv_width = config_.n_kv_head * config_.head_dim();
  const std::string prefix = "transformer.h." + std::to_string(layer) + ".";
  Block block;
  block.c_q = shadowed_parameter(prefix + "attn.c_q.weight", {width, width});
  block.c_k = shadowed_parameter(prefix + "attn.c_k.weight", {kv_width, width});
  block.c_v = shadowed_parameter(prefix + "attn.c_v.weight", {kv_width, width});
  block.c_proj = shadowed_parameter(prefix + "attn.c_proj.weight", {width, width});
  if (has_value_embedding(config_, layer)) {
    block.ve_gate = shadowed_parameter(prefix + "attn.ve_gate.weight", {config_.n_kv_head, config_.ve_gate_channels});
  }
  block.c_fc = shadowed_parameter(prefix + "mlp.c_fc.weight", {4 * width, width});
  block.mlp_c_proj = shadowed_parameter(prefix + "mlp.c_proj.weight", {width, 4 * width});
  blocks_.push_back(block);
}

void Gpt::check_text(const at::Tensor& tokens, int64_t first_position) const {
  TERN_CHECK(tokens.dim() == 2 && tokens.scalar_type() == at::kLong, "tokens are [B, T] int64");
  const int64_t end = first_position + tokens.size(1);
  if (end > config_.max_positions()) {
    throw Error(ErrorKind::usage,
                "a text of " + std::to_string(end) + " tokens is longer than the model's limit of " +
                    std::to_string(config_.max_positions()),
                "", "shorten it; the limit is ten times sequence_len=" + std::to_string(config_.sequence_len));
  }
  if (!tokens.is_cpu()) return;  // to look at them would be to wait for the device
  const at::Tensor flat = tokens.contiguous();
  check_tokens(config_, {flat.const_data_ptr<int64_t>(), static_cast<size_t>(flat.numel())});
}

at::Tensor Gpt::embed(const at::Tensor& tokens) const {
  return kernels::rms_norm(kernels::embedding(wte_, tokens).to(dtype_), config_.norm_eps);
}

// previous: what stands before the first token, [B, 1, D]; undefined: nothing.
at::Tensor Gpt::smear(const at::Tensor& x_BTD, const at::Tensor& previous) const {
  const int64_t tokens = x_BTD.size(1);
  if (!config_.smear || (tokens == 1 && !previous.defined())) return x_BTD;
  const int64_t first = previous.defined() ? 0 : 1;  // the first token with one before it
  const at::Tensor smeared = x_BTD.narrow(1, first, tokens - first);
  const at::Tensor before =
      previous.defined() ? at::cat({previous, x_BTD.narrow(1, 0, tokens - 1)}, 1) : x_BTD.narrow(1, 0, tokens - 1);
  const at::Tensor gate =
      smear_lambda_.to(dtype_) * at::sigmoid(project(smeared.narrow(2, 0, config_.smear_channels), smear_gate_));
  const at::Tensor sum = smeared + gate * before;
  return first == 0 ? sum : at::cat({x_BTD.narrow(1, 0, 1), sum}, 1);
}

template <class RunBlock>
at::Tensor Gpt::trunk(const at::Tensor& tokens, const at::Tensor& x0_BTD, const RunBlock& run_block) const {
  at::Tensor x_BTD = x0_BTD, middle_BTD;
  for (int64_t layer = 0; layer < config_.n_layer; ++layer) {
    const auto i = static_cast<size_t>(layer);
    if (config_.resid_lambdas) x_BTD = resid_lambdas_.select(0, layer).to(dtype_) * x_BTD;
    if (config_.x0_lambdas) x_BTD = x_BTD + x0_lambdas_.select(0, layer).to(dtype_) * x0_BTD;
    const at::Tensor value_embedding =
        value_embeds_[i].defined() ? kernels::embedding(value_embeds_[i], tokens).to(dtype_) : at::Tensor();
    x_BTD = run_block(blocks_[i], layer_context(layer), x_BTD, value_embedding);
    if (layer == config_.n_layer / 2) middle_BTD = x_BTD;
  }
  if (config_.backout) x_BTD = x_BTD - backout_lambda_.to(dtype_) * middle_BTD;
  return kernels::rms_norm(x_BTD, config_.norm_eps);
}

at::Tensor Gpt::hidden(const at::Tensor& tokens) const {
  check_text(tokens, 0);
  return trunk(tokens, smear(embed(tokens), {}), block_forward);
}

at::Tensor Gpt::hidden(const at::Tensor& tokens, KvCache& cache) const {
  const at::NoGradGuard no_grad;
  check_text(tokens, cache.length());
  const at::Tensor embedded = embed(tokens);
  const at::Tensor out =
      trunk(tokens, smear(embedded, cache.previous_embedding()),
            [&](const Block& block, const LayerContext& context, const at::Tensor& x, const at::Tensor& ve) {
              return block_forward_cached(block, context, x, ve, cache);
            });
  cache.advance(tokens.size(1), embedded.narrow(1, tokens.size(1) - 1, 1).contiguous());
  return out;
}

at::Tensor Gpt::logits(const at::Tensor& hidden) const {
  const at::NoGradGuard no_grad;
  const at::Tensor raw = at::linear(hidden, lm_head_.read().narrow(0, 0, config_.vocab_size)).to(weight_dtype_);
  return config_.softcap > 0 ? config_.softcap * at::tanh(raw / config_.softcap) : raw;
}

LayerContext Gpt::layer_context(int64_t layer) const {
  LayerContext context{
      .config = config_, .rope = rope_, .layer = layer, .window = windows_.at(static_cast<size_t>(layer))};
  const auto chosen = attention_backends_.find(context.window);
  if (chosen != attention_backends_.end()) context.attention_backend = chosen->second;
  return context;
}

std::vector<std::string> Gpt::choose_attention_backends(const std::string& name, const AttentionBackends& before) {
  std::vector<std::string> lines;
  for (int64_t layer = 0; layer < config_.n_layer; ++layer) {
    const LayerContext context = layer_context(layer);
    if (attention_backends_.contains(context.window)) continue;
    const auto kept = before.find(context.window);
    const kernels::AttentionChoice choice =
        kernels::resolve_attention_backend(name, attention_options(context), config_.sequence_len, dtype_, device_,
                                           kept == before.end() ? std::nullopt : std::optional(kept->second));
    attention_backends_[context.window] = choice.backend;
    const bool windowed = context.window < config_.sequence_len;
    lines.push_back(choice.reason + (windowed ? ", for windows of " + std::to_string(context.window) : ""));
  }
  return lines;
}

KvCache Gpt::make_cache(int64_t rows, int64_t capacity) const {
  return {config_, rows, capacity, at::device(device_).dtype(dtype_)};
}

}  // namespace tern::gpt
