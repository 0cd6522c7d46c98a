#include "models/gpt/decoder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <map>
#include <utility>

#include "base/error.h"
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

using NamedWeights = std::map<std::string, at::Tensor>;

// Undefined where the model has no such part.
at::Tensor weight_of(const NamedWeights& weights, const std::string& name) {
  const auto found = weights.find(name);
  return found == weights.end() ? at::Tensor() : found->second;
}

DecoderLayer decoder_layer(const GptConfig& config, const NamedWeights& weights, int64_t index, at::ScalarType type) {
  const std::string prefix = "transformer.h." + std::to_string(index) + ".";
  const auto pack = [&](const std::string& name) {
    return kernels::pack_matvec_weight(weights.at(prefix + name + ".weight"), type);
  };
  DecoderLayer layer{.qkv = kernels::Matvec({pack("attn.c_q"), pack("attn.c_k"), pack("attn.c_v")}),
                     .proj = kernels::Matvec({pack("attn.c_proj")}),
                     .fc = kernels::Matvec({pack("mlp.c_fc")}),
                     .mlp_proj = kernels::Matvec({pack("mlp.c_proj")}),
                     .ve_gate = weight_of(weights, prefix + "attn.ve_gate.weight"),
                     .value_embedding = weight_of(weights, "value_embeds." + std::to_string(index) + ".weight")};
  if (config.resid_lambdas) layer.resid_lambda = value_at(weights.at("resid_lambdas"), index);
  if (config.x0_lambdas) layer.x0_lambda = value_at(weights.at("x0_lambdas"), index);
  return layer;
}

DecoderWeights decoder_weights(const Gpt& model, at::ScalarType type) {
  const GptConfig& config = model.config();
  const NamedWeights named(model.parameters().begin(), model.parameters().end());
  DecoderWeights weights{
      .config = config,
      .layers = {},
      .lm_head = kernels::Matvec({kernels::pack_matvec_weight(model.lm_head().narrow(0, 0, config.vocab_size), type)}),
      .wte = named.at("transformer.wte.weight"),
      .smear_gate = weight_of(named, "smear_gate.weight"),
      .rope = model.rope()};
  if (config.smear) weights.smear_lambda = value_at(named.at("smear_lambda"), 0);
  if (config.backout) weights.backout_lambda = value_at(named.at("backout_lambda"), 0);
  const std::vector<int64_t> windows = window_sizes(config);
  for (int64_t i = 0; i < config.n_layer; ++i) {
    weights.layers.push_back(decoder_layer(config, named, i, type));
    weights.layers.back().window = windows[static_cast<size_t>(i)];
  }
  return weights;
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

Decoder::Decoder(const Gpt& model, DecodeDtype dtype)
    : model_(float32_config(model), model.parameters()), weights_(decoder_weights(model_, weight_type(dtype))) {}

at::Tensor Decoder::prefill(const std::vector<int64_t>& prompt, KvCache& cache) {
  const at::Tensor hidden = model_.hidden(at::tensor(prompt, at::kLong).unsqueeze(0), cache);
  return model_.logits(hidden.select(1, hidden.size(1) - 1));
}

// The logits of the token before last, if nobody looks at them any more: fresh memory costs a page fault per 4 KB.
at::Tensor Decoder::logits_room(int64_t rows) {
  const int64_t vocab = config().vocab_size;
  for (at::Tensor& logits : logits_) {
    if (logits.defined() && (logits.use_count() > 1 || logits.storage().use_count() > 1)) continue;
    if (!logits.defined() || logits.size(0) != rows) logits = at::empty({rows, vocab}, at::kFloat);
    return logits;
  }
  return at::empty({rows, vocab}, at::kFloat);
}

at::Tensor Decoder::step(std::span<const int64_t> tokens, KvCache& cache) {
  const at::NoGradGuard no_grad;
  const int64_t rows = cache.rows(), members = kernels::max_team_size();
  TERN_CHECK(static_cast<int64_t>(tokens.size()) == rows, "a token per row");
  TERN_CHECK(cache.length() < cache.capacity(), "cache of " + std::to_string(cache.capacity()) + " tokens is full");
  check_tokens(config(), tokens);
  if (!room_.fits(rows, cache.capacity(), members)) room_ = DecoderRoom(config(), rows, cache.capacity(), members);
  at::Tensor embedded = at::empty({rows, 1, config().n_embd}, at::kFloat);
  at::Tensor logits = logits_room(rows);
  auto* to_embedded = embedded.mutable_data_ptr<float>();
  auto* to_logits = logits.mutable_data_ptr<float>();
  kernels::run_team(
      [&](kernels::Team& team) { DecoderPass(weights_, room_, tokens, cache, team, to_embedded, to_logits).run(); });
  cache.advance(1, std::move(embedded));
  return logits;
}

}  // namespace tern::gpt
