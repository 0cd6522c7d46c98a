#include "models/gpt/decoder.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/error.h"
#include "kernels/decode_attention/decode_attention.h"
#include "kernels/relu_squared/relu_squared.h"
#include "models/gpt/shape.h"

namespace tern::gpt {

namespace {

at::ScalarType weight_type(DecodeDtype dtype) {
  switch (dtype) {
    case DecodeDtype::bf16: return at::kBFloat16;
    case DecodeDtype::int8: return at::kChar;
    default: return at::kFloat;
  }
}

// Whether a Decoder reads this weight as a matrix: those of the layers but for the gates, and lm_head.
bool is_matrix(const std::string& name) {
  return name == "lm_head.weight" || name.find(".attn.c_") != std::string::npos ||
         name.find(".mlp.c_") != std::string::npos;
}

GptConfig float32_config(const Gpt& model) {
  if (model.config().forward_dtype == "float64") {
    throw Error(ErrorKind::usage, "a float64 model can't be used in float32");
  }
  GptConfig config = model.config();
  config.forward_dtype = "float32";
  return config;
}

float value_at(const at::Tensor& weight, int64_t index) {
  return weight.const_data_ptr<float>()[index];
}

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

float dot(const float* a, const float* b, int64_t size) {
  float sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

// Rows of `width` values, by their root mean square. in may be out.
void normalise(const float* in, int64_t rows, int64_t width, double eps, float* out) {
  for (int64_t row = 0; row < rows; ++row, in += width, out += width) {
    const float mean_square = dot(in, in, width) / static_cast<float>(width);
    const float factor = 1 / std::sqrt(mean_square + static_cast<float>(eps));
    for (int64_t i = 0; i < width; ++i) out[i] = in[i] * factor;
  }
}

// x += factor * y
void add(at::Tensor& x, const at::Tensor& y, float factor = 1) {
  auto* to = x.mutable_data_ptr<float>();
  const auto* from = y.const_data_ptr<float>();
  const int64_t size = x.numel();
  for (int64_t i = 0; i < size; ++i) to[i] += factor * from[i];
}

// ATen would do this in one thread.
void cap(at::Tensor& logits, double softcap) {
  constexpr int64_t kGrain = 8192;
  const at::Tensor flat = logits.view({-1});
  at::parallel_for(0, flat.numel(), kGrain, [&](int64_t begin, int64_t end) {
    flat.narrow(0, begin, end - begin).div_(softcap).tanh_().mul_(softcap);
  });
}

// Writes keys and values of the token into the cache's room.
void write_cache(const float* qkv, int64_t q_width, int64_t kv_width, int64_t head_dim, int64_t layer, KvCache& cache) {
  const at::Tensor keys = cache.key_room(layer), values = cache.value_room(layer);
  const int64_t head_room = cache.capacity() * head_dim;
  auto* k = keys.mutable_data_ptr<float>() + cache.length() * head_dim;
  auto* v = values.mutable_data_ptr<float>() + cache.length() * head_dim;
  for (int64_t row = 0; row < cache.rows(); ++row, qkv += q_width + 2 * kv_width) {
    for (int64_t at = 0; at < kv_width; at += head_dim, k += head_room, v += head_room) {
      std::copy_n(qkv + q_width + at, head_dim, k);
      std::copy_n(qkv + q_width + kv_width + at, head_dim, v);
    }
  }
}

}  // namespace

DecodeDtype decode_dtype_by_name(const std::string& name) {
  if (name == "forward") return DecodeDtype::forward;
  if (name == "float32") return DecodeDtype::float32;
  if (name == "bf16") return DecodeDtype::bf16;
  if (name == "int8") return DecodeDtype::int8;
  throw Error(ErrorKind::usage, "decode_dtype=" + name + " is unknown", "", "use forward, float32, bf16 or int8");
}

Gpt with_decode_weights(const Gpt& model, DecodeDtype dtype) {
  if (dtype == DecodeDtype::forward) return model;
  const at::NoGradGuard no_grad;
  NamedTensors weights = model.parameters();
  for (auto& [name, weight] : weights) {
    if (is_matrix(name)) {
      weight = kernels::unpack_matvec_weight(kernels::pack_matvec_weight(weight, weight_type(dtype)));
    }
  }
  return {float32_config(model), weights};
}

std::shared_ptr<Decoder> make_decoder(const Gpt& model, DecodeDtype dtype) {
  const bool on_cpu = model.device().is_cpu();
  if (dtype == DecodeDtype::forward && (!on_cpu || model.config().forward_dtype != "float32")) return nullptr;
  if (!on_cpu) {
    throw Error(ErrorKind::usage, "matrices of another type than the activations' are for CPUs", "decode dtype",
                "use forward, or the CPU");
  }
  return std::make_shared<Decoder>(model, dtype);
}

Decoder::Decoder(const Gpt& model, DecodeDtype dtype) : model_(float32_config(model), model.parameters()) {
  const GptConfig& config = model_.config();
  const std::map<std::string, at::Tensor> named(model_.parameters().begin(), model_.parameters().end());
  // Undefined where the model has no such part.
  const auto weight = [&](const std::string& name) {
    const auto found = named.find(name);
    return found == named.end() ? at::Tensor() : found->second;
  };
  const at::ScalarType type = weight_type(dtype);
  const auto pack = [&](const std::string& name) {
    return kernels::pack_matvec_weight(named.at(name + ".weight"), type);
  };
  const std::vector<int64_t> windows = window_sizes(config);
  for (int64_t i = 0; i < config.n_layer; ++i) {
    const std::string prefix = "transformer.h." + std::to_string(i) + ".";
    Layer layer;
    layer.qkv = {pack(prefix + "attn.c_q"), pack(prefix + "attn.c_k"), pack(prefix + "attn.c_v")};
    layer.proj = {pack(prefix + "attn.c_proj")};
    layer.fc = {pack(prefix + "mlp.c_fc")};
    layer.mlp_proj = {pack(prefix + "mlp.c_proj")};
    layer.ve_gate = weight(prefix + "attn.ve_gate.weight");
    layer.value_embedding = weight("value_embeds." + std::to_string(i) + ".weight");
    layer.window = windows[static_cast<size_t>(i)];
    if (config.resid_lambdas) layer.resid_lambda = value_at(named.at("resid_lambdas"), i);
    if (config.x0_lambdas) layer.x0_lambda = value_at(named.at("x0_lambdas"), i);
    layers_.push_back(std::move(layer));
  }
  wte_ = named.at("transformer.wte.weight");
  smear_gate_ = weight("smear_gate.weight");
  smear_lambda_ = weight("smear_lambda");
  backout_lambda_ = weight("backout_lambda");
  lm_head_ = {kernels::pack_matvec_weight(model_.lm_head().narrow(0, 0, config.vocab_size), type)};
}

at::Tensor Decoder::prefill(const std::vector<int64_t>& prompt, KvCache& cache) {
  const at::Tensor hidden = model_.hidden(at::tensor(prompt, at::kLong).unsqueeze(0), cache);
  return model_.logits(hidden.select(1, hidden.size(1) - 1));
}

void Decoder::make_room(const KvCache& cache) {
  const GptConfig& config = model_.config();
  const int64_t rows = cache.rows();
  const std::array<int64_t, 3> scores{rows, config.n_head, cache.capacity()};
  if (room_.scores.defined() && room_.scores.sizes() == at::IntArrayRef(scores)) return;
  const auto room = [&](int64_t width) { return at::empty({rows, width}, at::kFloat); };
  const int64_t width = config.n_embd;
  room_ = {.x = room(width),
           .x0 = room(width),
           .normed = room(width),
           .middle = room(width),
           .qkv = room((config.n_head + 2 * config.n_kv_head) * config.head_dim()),
           .scores = at::empty(scores, at::kFloat),
           .attended = room(config.n_head * config.head_dim()),
           .branch = room(width),
           .hidden = room(4 * width)};
}

// The stream that the first layer gets, in x0 and x. Returns what the next token's smear needs, [rows, 1, D].
at::Tensor Decoder::embed(std::span<const int64_t> tokens, const KvCache& cache) {
  const GptConfig& config = model_.config();
  const int64_t width = config.n_embd;
  const at::Tensor embedded = at::empty({cache.rows(), 1, width}, at::kFloat);
  auto* to = embedded.mutable_data_ptr<float>();
  for (size_t row = 0; row < tokens.size(); ++row) {
    normalise(wte_.const_data_ptr<float>() + tokens[row] * width, 1, width, config.norm_eps,
              to + static_cast<int64_t>(row) * width);
  }
  room_.x0.copy_(embedded.view_as(room_.x0));
  if (config.smear && cache.previous_embedding().defined()) {
    const auto* previous = cache.previous_embedding().const_data_ptr<float>();
    const auto* gate = smear_gate_.const_data_ptr<float>();
    auto* x0 = room_.x0.mutable_data_ptr<float>();
    for (int64_t row = 0; row < cache.rows(); ++row, x0 += width, previous += width) {
      const float share = value_at(smear_lambda_, 0) * sigmoid(dot(x0, gate, config.smear_channels));
      for (int64_t i = 0; i < width; ++i) x0[i] += share * previous[i];
    }
  }
  room_.x.copy_(room_.x0);
  return embedded;
}

// The rows lie anywhere in large tables: asked for at the start of a token, they are there when their layer wants them.
void Decoder::prefetch_value_embeddings(std::span<const int64_t> tokens) const {
  constexpr int64_t kLine = 64 / sizeof(float);
  for (const Layer& layer : layers_) {
    if (!layer.value_embedding.defined()) continue;
    const int64_t width = layer.value_embedding.size(1);
    for (const int64_t token : tokens) {
      const auto* row = layer.value_embedding.const_data_ptr<float>() + token * width;
      for (int64_t i = 0; i < width; i += kLine) __builtin_prefetch(row + i);
    }
  }
}

// v += 3 sigmoid(gate(x)) * embedding(token), head by head.
void Decoder::add_value_embedding(const Layer& layer, std::span<const int64_t> tokens) {
  const GptConfig& config = model_.config();
  const int64_t head_dim = config.head_dim(), kv_width = config.n_kv_head * head_dim;
  const int64_t qkv_width = room_.qkv.size(1);
  for (size_t row = 0; row < tokens.size(); ++row) {
    const auto at = static_cast<int64_t>(row);
    auto* v = room_.qkv.mutable_data_ptr<float>() + (at + 1) * qkv_width - kv_width;
    const auto* x = room_.normed.const_data_ptr<float>() + at * config.n_embd;
    const auto* embedding = layer.value_embedding.const_data_ptr<float>() + tokens[row] * kv_width;
    for (int64_t head = 0; head < config.n_kv_head; ++head) {
      const auto* gate = layer.ve_gate.const_data_ptr<float>() + head * config.ve_gate_channels;
      const float share = 3 * sigmoid(dot(x, gate, config.ve_gate_channels));
      for (int64_t i = head * head_dim; i < (head + 1) * head_dim; ++i) v[i] += share * embedding[i];
    }
  }
}

void Decoder::attend(const Layer& layer, int64_t index, std::span<const int64_t> tokens, KvCache& cache) {
  const GptConfig& config = model_.config();
  const kernels::QkvLayout layout{config.n_head, config.n_kv_head, config.head_dim()};
  const int64_t q_width = config.n_head * config.head_dim(), kv_width = config.n_kv_head * config.head_dim();
  kernels::matvec(room_.normed, layer.qkv, room_.qkv);
  auto* qkv = room_.qkv.mutable_data_ptr<float>();
  if (layer.value_embedding.defined()) add_value_embedding(layer, tokens);
  for (int64_t row = 0; config.qk_norm && row < cache.rows(); ++row) {
    float* qk = qkv + row * layout.width();
    normalise(qk, config.n_head + config.n_kv_head, config.head_dim(), config.norm_eps, qk);
  }
  kernels::RopeTable rope = model_.rope();
  rope.first_position = cache.length();
  at::Tensor by_token = room_.qkv.unsqueeze(1);
  kernels::rope_qkv_(by_token, layout, rope);
  write_cache(qkv, q_width, kv_width, config.head_dim(), index, cache);
  const int64_t length = cache.length() + 1;
  kernels::decode_attention(room_.qkv.narrow(1, 0, q_width), cache.key_room(index), cache.value_room(index), length,
                            std::min(length, layer.window + 1), score_scale(config), room_.scores, room_.attended);
  kernels::matvec(room_.attended, layer.proj, room_.branch);
  add(room_.x, room_.branch);
}

void Decoder::feed_forward(const Layer& layer) {
  kernels::matvec(room_.normed, layer.fc, room_.hidden);
  kernels::relu_squared_forward(room_.hidden, room_.hidden);
  kernels::matvec(room_.hidden, layer.mlp_proj, room_.branch);
  add(room_.x, room_.branch);
}

at::Tensor Decoder::step(std::span<const int64_t> tokens, KvCache& cache) {
  const at::NoGradGuard no_grad;
  const GptConfig& config = model_.config();
  TERN_CHECK(static_cast<int64_t>(tokens.size()) == cache.rows(), "a token per row");
  TERN_CHECK(cache.length() < cache.capacity(), "cache of " + std::to_string(cache.capacity()) + " tokens is full");
  check_tokens(config, tokens);
  make_room(cache);
  const auto normalise_stream = [&] {
    normalise(room_.x.const_data_ptr<float>(), cache.rows(), config.n_embd, config.norm_eps,
              room_.normed.mutable_data_ptr<float>());
  };
  prefetch_value_embeddings(tokens);
  at::Tensor embedded = embed(tokens, cache);
  for (int64_t i = 0; i < config.n_layer; ++i) {
    const Layer& layer = layers_[static_cast<size_t>(i)];
    if (layer.resid_lambda != 1) room_.x.mul_(layer.resid_lambda);
    if (layer.x0_lambda != 0) add(room_.x, room_.x0, layer.x0_lambda);
    normalise_stream();
    attend(layer, i, tokens, cache);
    normalise_stream();
    feed_forward(layer);
    if (i == config.n_layer / 2) room_.middle.copy_(room_.x);
  }
  if (config.backout) add(room_.x, room_.middle, -value_at(backout_lambda_, 0));
  normalise_stream();
  at::Tensor logits;
  kernels::matvec(room_.normed, lm_head_, logits);
  if (config.softcap > 0) cap(logits, config.softcap);
  cache.advance(1, std::move(embedded));
  return logits;
}

}  // namespace tern::gpt
