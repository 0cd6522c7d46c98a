// The GPT that nanochat trains, from tokens to logits. The parts are in config.h, a layer in block.h, the loss in
// loss.h.
//
// Legend: B rows, T tokens, D n_embd, V padded vocabulary.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "models/gpt/block.h"
#include "models/gpt/config.h"
#include "models/gpt/kv_cache.h"

namespace tern::gpt {

// Named tensors in nanochat's order, names as its state dict ("transformer.h.0.attn.c_q.weight").
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// Throws Error(data) for a token outside 0 to vocab_size - 1.
void check_tokens(const GptConfig& config, std::span<const int64_t> tokens);

class Gpt {
 public:
  // Throws Error(usage) for a configuration that can't be built. Draws the initial weights from generator, a CPU's:
  // they are the same on every device.
  Gpt(const GptConfig& config, at::Generator& generator, at::Device device = at::kCPU);
  // A model of these weights, which are shared, not copied: the parameters of another one that differs in the dtypes of
  // its activations or in the values of some weights.
  Gpt(const GptConfig& config, const NamedTensors& weights);

  [[nodiscard]] const GptConfig& config() const { return config_; }
  // Where the weights are, and the tokens must be.
  [[nodiscard]] at::Device device() const { return device_; }

  // The weights, leaves that want a gradient.
  [[nodiscard]] const NamedTensors& parameters() const { return parameters_; }
  // What a parameter's products read of it, for an optimizer that writes it in its own pass; null where the parameter
  // itself is read.
  [[nodiscard]] std::shared_ptr<kernels::ShadowWeight> shadow(const std::string& name) const;
  // The output projection: [V, D], rows beyond vocab_size are padding.
  [[nodiscard]] const at::Tensor& lm_head() const { return lm_head_.weight; }
  // The same in the forward dtype, with the graph: what the cross entropy fuses with.
  [[nodiscard]] at::Tensor read_lm_head() const { return lm_head_.read(); }

  [[nodiscard]] const kernels::RopeTable& rope() const { return rope_; }

  // tokens: [B, T] int64, each in 0 to vocab_size - 1; on a GPU that is not looked at, see check_tokens. Returns what
  // lm_head turns into logits, [B, T, D] in the forward dtype, with the graph to the parameters unless gradients are
  // off. Throws Error(usage) when T is over max_positions(), Error(data) for a token outside the vocabulary.
  [[nodiscard]] at::Tensor hidden(const at::Tensor& tokens) const;

  // The same for tokens that follow those in the cache, without gradient; takes them up in the cache.
  [[nodiscard]] at::Tensor hidden(const at::Tensor& tokens, KvCache& cache) const;

  // Logits of hidden states, [..., vocab_size], softcapped, float32 (float64 for float64), without gradient.
  [[nodiscard]] at::Tensor logits(const at::Tensor& hidden) const;

  // What computes attention of whole texts, by the layers' windows; fused where nothing was chosen.
  using AttentionBackends = std::map<int64_t, kernels::AttentionBackend>;
  [[nodiscard]] const AttentionBackends& attention_backends() const { return attention_backends_; }
  // auto (the fastest that a trial on this model's device, heads and dtype finds right, or, for a run that goes on, the
  // one it was begun with) or one for all (kernels/attention/attention_backend.h). Returns lines for the log that say
  // why. Throws Error(usage) for a backend this device doesn't have.
  [[nodiscard]] std::vector<std::string> choose_attention_backends(const std::string& name,
                                                                   const AttentionBackends& before = {});

  [[nodiscard]] KvCache make_cache(int64_t rows, int64_t capacity) const;

 private:
  Gpt(const GptConfig& config, const NamedTensors* weights, at::Device device);
  at::Tensor parameter(const std::string& name, at::IntArrayRef sizes);
  kernels::ShadowedWeight shadowed_parameter(const std::string& name, at::IntArrayRef sizes);
  void make_block(int64_t layer);
  [[nodiscard]] LayerContext layer_context(int64_t layer) const;
  void check_text(const at::Tensor& tokens, int64_t first_position) const;
  [[nodiscard]] at::Tensor embed(const at::Tensor& tokens) const;
  [[nodiscard]] at::Tensor smear(const at::Tensor& x_BTD, const at::Tensor& previous) const;
  template <class RunBlock>
  [[nodiscard]] at::Tensor trunk(const at::Tensor& tokens, const at::Tensor& x0_BTD, const RunBlock& run_block) const;

  GptConfig config_;
  at::ScalarType dtype_;         // of the activations
  at::ScalarType weight_dtype_;  // float32, or float64 for float64 activations
  at::Device device_;
  const NamedTensors* given_;  // while the model is built of another's weights
  NamedTensors parameters_;
  std::map<std::string, std::shared_ptr<kernels::ShadowWeight>> shadows_;  // by parameter
  at::Tensor wte_;                                                         // [V, D]
  kernels::ShadowedWeight lm_head_;                                        // [V, D]
  at::Tensor resid_lambdas_;            // [n_layer]; this and the following are undefined where the part is off
  at::Tensor x0_lambdas_;               // [n_layer]
  kernels::ShadowedWeight smear_gate_;  // [1, smear_channels]
  at::Tensor smear_lambda_;             // [1]
  at::Tensor backout_lambda_;           // [1]
  std::vector<Block> blocks_;
  std::vector<at::Tensor> value_embeds_;  // by layer, [V, K C]
  std::vector<int64_t> windows_;          // by layer
  AttentionBackends attention_backends_;
  kernels::RopeTable rope_;
};

}  // namespace tern::gpt
