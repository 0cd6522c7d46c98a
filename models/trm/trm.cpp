#include "models/trm/trm.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "base/error.h"
#include "kernels/attention/attention_choice.h"
#include "models/trm/init.h"

namespace tern::trm {

namespace {

at::ScalarType forward_dtype(const std::string& name) {
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  throw Error(ErrorKind::usage, "forward_dtype is '" + name + "'", "arch.forward_dtype", "use float32 or bfloat16");
}

void check_config(const TrmConfig& config) {
  const auto refuse = [](const std::string& what, const std::string& key, const std::string& fix) {
    throw Error(ErrorKind::usage, what, key, fix);
  };
  if (!config.mlp_t && config.hidden_size % config.num_heads != 0) {
    refuse("hidden_size " + std::to_string(config.hidden_size) + " is not divisible by num_heads " +
               std::to_string(config.num_heads),
           "arch.num_heads", "choose a divisor of hidden_size");
  }
  if (config.puzzle_emb_ndim > config.puzzle_positions() * config.hidden_size) {
    refuse("puzzle_emb_ndim " + std::to_string(config.puzzle_emb_ndim) + " does not fit into puzzle_emb_len " +
               std::to_string(config.puzzle_emb_len) + " positions of hidden_size " +
               std::to_string(config.hidden_size),
           "arch.puzzle_emb_ndim", "raise arch.puzzle_emb_len or set it to 0 (as many as needed)");
  }
}

// Draws weights the way upstream does, in upstream's order, so that equal generators give equal models.
struct Initialiser {
  at::Generator& generator;
  at::Device device;
  at::ScalarType forward_dtype;

  [[nodiscard]] at::Tensor normal(at::IntArrayRef shape, double std, at::ScalarType dtype = at::kFloat) const {
    at::Tensor tensor = at::empty(shape, at::dtype(dtype));
    trunc_normal_(tensor, std, generator);
    return tensor.to(device);
  }

  [[nodiscard]] kernels::ShadowedWeight shadowed(const at::Tensor& weight) const {
    return {weight, std::make_shared<kernels::ShadowWeight>(forward_dtype)};
  }

  [[nodiscard]] Linear linear(int64_t in_features, int64_t out_features) const {
    const double std = 1.0 / std::sqrt(static_cast<double>(in_features));
    return {.weight = normal({out_features, in_features}, std),
            .shadow = std::make_shared<kernels::ShadowWeight>(forward_dtype)};
  }

  [[nodiscard]] SwiGluWeights swiglu(int64_t width, double expansion) const {
    const int64_t inter = swiglu_inner_width(width, expansion);
    return {.gate_up = linear(width, 2 * inter), .down = linear(inter, width)};
  }
};

Block make_block(const Initialiser& init, const TrmConfig& config, int64_t positions) {
  Block block;
  if (config.mlp_t) {
    block.mlp_t = init.swiglu(positions, config.expansion);
  } else {
    block.qkv_proj = init.linear(config.hidden_size, 3 * config.hidden_size);
    block.o_proj = init.linear(config.hidden_size, config.hidden_size);
  }
  block.mlp = init.swiglu(config.hidden_size, config.expansion);
  return block;
}

// A block's projections by name, in upstream's order.
std::vector<std::pair<std::string, const Linear*>> projections(const Block& block, bool mlp_t) {
  std::vector<std::pair<std::string, const Linear*>> all;
  if (mlp_t) {
    all = {{"mlp_t.gate_up_proj.weight", &block.mlp_t.gate_up}, {"mlp_t.down_proj.weight", &block.mlp_t.down}};
  } else {
    all = {{"self_attn.qkv_proj.weight", &block.qkv_proj}, {"self_attn.o_proj.weight", &block.o_proj}};
  }
  all.emplace_back("mlp.gate_up_proj.weight", &block.mlp.gate_up);
  all.emplace_back("mlp.down_proj.weight", &block.mlp.down);
  return all;
}

}  // namespace

Trm::Trm(const TrmConfig& config, at::Generator& generator, at::Device device)
    : config_(config), dtype_(forward_dtype(config.forward_dtype)) {
  check_config(config);
  const Initialiser init{generator, device, dtype_};
  const int64_t positions = config.puzzle_positions() + config.seq_len;
  const double embed_std = 1.0 / std::sqrt(static_cast<double>(config.hidden_size));

  embed_tokens_ = init.shadowed(init.normal({config.vocab_size, config.hidden_size}, embed_std));
  lm_head_ = init.shadowed(init.normal({config.vocab_size, config.hidden_size}, embed_std));
  // Drawn and thrown away, as upstream does: Q starts near "never halt", which bootstraps faster.
  q_head_weight_ = init.shadowed(init.normal({2, config.hidden_size}, embed_std).zero_());
  q_head_bias_ = init.shadowed(at::zeros({2}, at::device(device)).fill_(-5));
  if (config.puzzle_emb_ndim > 0) {
    puzzle_embedding_.weights = at::zeros({config.num_puzzle_identifiers, config.puzzle_emb_ndim}, at::device(device));
  }
  if (config.pos_encodings == "learned") {
    embed_pos_ = init.shadowed(init.normal({positions, config.hidden_size}, embed_std));
  }
  for (int64_t i = 0; i < config.L_layers; ++i) blocks_.push_back(make_block(init, config, positions));
  H_init_ = init.normal({config.hidden_size}, 1.0, dtype_);
  L_init_ = init.normal({config.hidden_size}, 1.0, dtype_);

  context_.mlp_t = config.mlp_t;
  context_.num_heads = config.num_heads;
  context_.rms_norm_eps = config.rms_norm_eps;
  if (config.pos_encodings == "rope" && !config.mlp_t) {
    context_.rope = kernels::make_rope_table(positions, config.hidden_size / config.num_heads, config.rope_theta);
    context_.rope.cos = context_.rope.cos.to(device);
    context_.rope.sin = context_.rope.sin.to(device);
  }
}

NamedTensors Trm::parameters() const {
  NamedTensors out;
  out.emplace_back("model.inner.embed_tokens.embedding_weight", embed_tokens_.weight);
  out.emplace_back("model.inner.lm_head.weight", lm_head_.weight);
  out.emplace_back("model.inner.q_head.weight", q_head_weight_.weight);
  out.emplace_back("model.inner.q_head.bias", q_head_bias_.weight);
  if (embed_pos_.defined()) out.emplace_back("model.inner.embed_pos.embedding_weight", embed_pos_.weight);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const std::string prefix = "model.inner.L_level.layers." + std::to_string(i) + ".";
    for (const auto& [name, linear] : projections(blocks_[i], config_.mlp_t)) {
      out.emplace_back(prefix + name, linear->weight);
    }
  }
  return out;
}

kernels::ShadowWeights Trm::shadows() const {
  kernels::ShadowWeights out = {embed_tokens_.shadow, lm_head_.shadow, q_head_weight_.shadow, q_head_bias_.shadow};
  if (embed_pos_.defined()) out.push_back(embed_pos_.shadow);
  for (const Block& block : blocks_) {
    for (const auto& [name, linear] : projections(block, config_.mlp_t)) out.push_back(linear->shadow);
  }
  return out;
}

NamedTensors Trm::state() const {
  NamedTensors out = {{"model.inner.H_init", H_init_}, {"model.inner.L_init", L_init_}};
  for (const auto& [name, tensor] : parameters()) {
    out.emplace_back(name, tensor.detach());
    if (name == "model.inner.q_head.bias" && puzzle_embedding_.weights.defined()) {
      out.emplace_back("model.inner.puzzle_emb.weights", puzzle_embedding_.weights);
    }
  }
  return out;
}

void Trm::set_trainable(bool trainable) {
  for (auto& [name, tensor] : parameters()) {
    tensor.set_requires_grad(trainable);
    tensor.mutable_grad() = trainable ? at::zeros_like(tensor.detach()) : at::Tensor();
  }
}

std::optional<kernels::AttentionBackend> Trm::attention_backend() const {
  return config_.mlp_t ? std::nullopt : std::optional(context_.attention_backend);
}

std::string Trm::choose_attention_backend(const std::string& name, std::optional<kernels::AttentionBackend> before) {
  if (config_.mlp_t) return "";
  const kernels::AttentionChoice choice = kernels::resolve_attention_backend(
      name, attention_options(context_, config_.hidden_size), config_.puzzle_positions() + config_.seq_len, dtype_,
      H_init_.device(), before);
  context_.attention_backend = choice.backend;
  return choice.reason;
}

Latents Trm::empty_latents(int64_t batch) const {
  const auto shape = {batch, config_.puzzle_positions() + config_.seq_len, config_.hidden_size};
  // Zeros rather than uninitialised memory: halted rows are replaced before use, but a stray NaN would be seen by none.
  return {at::zeros(shape, H_init_.options()), at::zeros(shape, L_init_.options())};
}

Latents Trm::reset_latents(const at::Tensor& reset, const Latents& latents) const {
  const at::Tensor flag = reset.view({-1, 1, 1});
  return {at::where(flag, H_init_, latents.z_H), at::where(flag, L_init_, latents.z_L)};
}

void Trm::refresh_shadows() const {
  for (const Block& block : blocks_) {
    for (const auto& [name, linear] : projections(block, config_.mlp_t)) linear->refresh_shadow();
  }
}

at::Tensor Trm::puzzle_rows(const at::Tensor& puzzle_identifiers, bool training) {
  const at::Tensor picked = puzzle_embedding_.weights.index_select(0, puzzle_identifiers);
  if (!training) return picked.to(dtype_);
  puzzle_embedding_.local_ids = puzzle_identifiers;
  puzzle_embedding_.local_weights = picked.detach();
  puzzle_embedding_.local_weights.set_requires_grad(true);
  return puzzle_embedding_.local_weights.to(dtype_);
}

at::Tensor Trm::input_embedding(const at::Tensor& inputs, const at::Tensor& puzzle_identifiers, bool training) {
  at::Tensor embedding = at::embedding(embed_tokens_.read(), inputs);
  if (config_.puzzle_emb_ndim > 0) {
    const int64_t puzzle_width = config_.puzzle_positions() * config_.hidden_size;
    at::Tensor puzzle = puzzle_rows(puzzle_identifiers, training);
    if (puzzle_width > config_.puzzle_emb_ndim) {
      puzzle = at::constant_pad_nd(puzzle, {0, puzzle_width - config_.puzzle_emb_ndim});
    }
    embedding = at::cat({puzzle.view({-1, config_.puzzle_positions(), config_.hidden_size}), embedding}, 1);
  }
  if (embed_pos_.defined()) {
    embedding = 0.707106781 * (embedding + embed_pos_.read());  // 1/sqrt(2) keeps the forward variance
  }
  return std::sqrt(static_cast<double>(config_.hidden_size)) * embedding;
}

void Trm::cycle_without_grad(at::Tensor& z_H, at::Tensor& z_L, const at::Tensor& input) const {
  for (int64_t i = 0; i < config_.L_cycles; ++i) {
    z_L = run_blocks_inference(blocks_, context_, z_L, z_H + input);
  }
  z_H = run_blocks_inference(blocks_, context_, z_H, z_L);
}

void Trm::recurse(Latents& latents, const at::Tensor& input, bool training, at::Tensor& z_H, at::Tensor& z_L) const {
  z_H = latents.z_H;
  z_L = latents.z_L;
  {
    const at::NoGradGuard no_grad;
    const int64_t cycles = config_.H_cycles - (training ? 1 : 0);
    for (int64_t i = 0; i < cycles; ++i) cycle_without_grad(z_H, z_L, input);
  }
  if (training) {
    for (int64_t i = 0; i < config_.L_cycles; ++i) z_L = run_blocks(blocks_, context_, z_L, z_H + input);
    z_H = run_blocks(blocks_, context_, z_H, z_L);
  }
  latents = {z_H.detach(), z_L.detach()};
}

Outputs Trm::forward(Latents& latents, const at::Tensor& inputs, const at::Tensor& puzzle_identifiers, bool training) {
  const at::AutoGradMode grad_mode(training);
  refresh_shadows();
  at::Tensor z_H;
  at::Tensor z_L;
  recurse(latents, input_embedding(inputs, puzzle_identifiers, training), training, z_H, z_L);

  Outputs outputs;
  // All positions, then the grid's: the weight's gradient is then a sum of the same terms in the same order as
  // upstream.
  outputs.logits = at::linear(z_H, lm_head_.read()).slice(1, config_.puzzle_positions()).contiguous();
  const at::Tensor q = at::linear(z_H.select(1, 0), q_head_weight_.read(), q_head_bias_.read()).to(at::kFloat);
  outputs.q_halt_logits = q.select(1, 0);
  outputs.q_continue_logits = q.select(1, 1);
  return outputs;
}

void Trm::advance(Latents& latents, const at::Tensor& inputs, const at::Tensor& puzzle_identifiers) {
  const at::NoGradGuard no_grad;
  refresh_shadows();
  at::Tensor z_H;
  at::Tensor z_L;
  recurse(latents, input_embedding(inputs, puzzle_identifiers, false), false, z_H, z_L);
}

}  // namespace tern::trm
