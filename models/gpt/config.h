// Hyperparameters of the GPT, under nanochat's names where nanochat has one. Every part of the model is a key: the
// model of nanochat's first release (October 2025) and that of today are two sets of values, configs/gpt/*.yaml.
#pragma once

#include <cstdint>
#include <string>

namespace tern::gpt {

struct GptConfig {
  // Shape.
  int64_t sequence_len = 2048;
  int64_t vocab_size = 32768;
  int64_t n_layer = 12;
  int64_t n_head = 6;
  int64_t n_kv_head = 6;  // a divisor of n_head: grouped-query attention where smaller
  int64_t n_embd = 768;
  bool round_width = true;    // of with_depth: n_embd is a multiple of the head dimension asked for
  int64_t pad_vocab_to = 64;  // rows of the embeddings and of the output projection are a multiple of this

  // Attention.
  std::string window_pattern = "SSSL";  // repeated over the layers; the last layer is always L. L: the whole context;
                                        // S: a quarter of sequence_len, rounded up to a multiple of 128
  double rope_base = 100000;
  bool qk_norm = true;    // RMS norm of every query and key
  double qk_scale = 1.2;  // queries and keys are multiplied by this

  // Embeddings into the values of every other layer, the last included: v += 3 sigmoid(gate(x)) * embedding(token).
  bool value_embeds = true;
  int64_t ve_gate_channels = 12;  // channels of x that the gate looks at

  // The residual stream.
  bool resid_lambdas = true;  // layer i reads resid_lambdas[i] * x ...
  bool x0_lambdas = true;     // ... + x0_lambdas[i] * x0, where x0 is what the first layer gets
  bool smear = true;          // x0[t] += smear_lambda * sigmoid(gate(x0[t])) * x0[t - 1]
  int64_t smear_channels = 24;
  bool backout = true;  // backout_lambda * the stream after the middle layer is taken off the stream after the last one

  double softcap = 15;                     // logits are cap * tanh(logits / cap); 0: as they are
  double norm_eps = 0x1p-23;               // of every RMS norm: float32's epsilon, PyTorch's default
  std::string init = "nanochat";           // or nanochat_2025_10: see init.h
  std::string forward_dtype = "bfloat16";  // float32, bfloat16; float64 makes the weights float64 too (gradient checks)

  [[nodiscard]] int64_t head_dim() const { return n_embd / n_head; }
  [[nodiscard]] int64_t padded_vocab() const { return (vocab_size + pad_vocab_to - 1) / pad_vocab_to * pad_vocab_to; }
  // Positions that the model can look at, ten times as many as it is trained on (nanochat's limit).
  [[nodiscard]] int64_t max_positions() const { return 10 * sequence_len; }
};

}  // namespace tern::gpt
