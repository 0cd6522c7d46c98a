// The Tiny Recursive Model (arXiv 2510.04871): a two-layer network applied to itself, one call per ACT step.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "kernels/common/shadow_weight.h"
#include "models/trm/block.h"
#include "models/trm/config.h"

namespace tern::trm {

// Named tensors in upstream's order, names as upstream's state dict without `_orig_mod.` ("model.inner.H_init").
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// Latent state of every example: the answer z_H and the reasoning z_L, both [batch, puzzle_positions + seq_len,
// hidden], in the forward dtype and without gradient.
struct Latents {
  at::Tensor z_H;
  at::Tensor z_L;
};

struct Outputs {
  at::Tensor logits;             // [batch, seq_len, vocab], forward dtype
  at::Tensor q_halt_logits;      // [batch], float32
  at::Tensor q_continue_logits;  // [batch], float32
  at::Tensor target_q_continue;  // [batch], float32; defined in training without no_ACT_continue
};

// The puzzle embedding: one row per puzzle, of which a batch touches few. Its rows are trained by sparse SignSGD, not
// by the dense optimizer, so a training step copies them out, collects their gradient, and the optimizer writes them
// back.
struct PuzzleEmbedding {
  at::Tensor weights;        // [num_puzzle_identifiers, puzzle_emb_ndim], float32
  at::Tensor local_weights;  // [batch, puzzle_emb_ndim], this step's rows; .grad after the backward pass
  at::Tensor local_ids;      // [batch], int32
};

class Trm {
 public:
  // Throws Error(usage) for a configuration that can't be built. Draws the initial weights from generator.
  Trm(const TrmConfig& config, at::Generator& generator, at::Device device = at::kCPU);

  [[nodiscard]] const TrmConfig& config() const { return config_; }

  // Weights that the dense optimizer trains.
  [[nodiscard]] NamedTensors parameters() const;
  // What the forward passes read of each of them: for an optimizer that writes them in its own pass.
  [[nodiscard]] kernels::ShadowWeights shadows() const;
  // Everything a checkpoint holds: parameters, initial latents, the puzzle embedding.
  [[nodiscard]] NamedTensors state() const;
  [[nodiscard]] PuzzleEmbedding& puzzle_embedding() { return puzzle_embedding_; }

  // Makes gradient buffers for the parameters (filled with zeros), or takes them away: a frozen model trains the puzzle
  // embedding alone.
  void set_trainable(bool trainable);

  // What computes attention from now on: auto (the fastest that a trial on this model's device, heads and dtype finds
  // right; in a resumed run `before`, as long as that passes) or a backend's name
  // (kernels/attention/attention_backend.h). Returns a line for the log that says why; empty
  // for a model without attention. Without this call: fused. Throws Error(usage) for a backend this device doesn't
  // have.
  [[nodiscard]] std::string choose_attention_backend(const std::string& name,
                                                     std::optional<kernels::AttentionBackend> before = std::nullopt);
  // None for a model without attention.
  [[nodiscard]] std::optional<kernels::AttentionBackend> attention_backend() const;

  // Latents for a batch, with undefined content: ACT resets them before their first use.
  [[nodiscard]] Latents empty_latents(int64_t batch) const;
  // Latents of the examples flagged in reset ([batch], bool) replaced by the initial ones.
  [[nodiscard]] Latents reset_latents(const at::Tensor& reset, const Latents& latents) const;

  // One supervision step: H_cycles * (L_cycles + 1) passes through the layers, all but the last cycle without gradient.
  // inputs: [batch, seq_len] int32; puzzle_identifiers: [batch] int32. Replaces latents by the new ones, detached.
  // training: gradients are recorded and the puzzle rows are copied to puzzle_embedding().local_weights.
  [[nodiscard]] Outputs forward(Latents& latents, const at::Tensor& inputs, const at::Tensor& puzzle_identifiers,
                                bool training);

  // The same without the output heads: what an evaluation step that is not the last needs.
  void advance(Latents& latents, const at::Tensor& inputs, const at::Tensor& puzzle_identifiers);

 private:
  void refresh_shadows() const;
  [[nodiscard]] at::Tensor puzzle_rows(const at::Tensor& puzzle_identifiers, bool training);
  [[nodiscard]] at::Tensor input_embedding(const at::Tensor& inputs, const at::Tensor& puzzle_identifiers,
                                           bool training);
  void cycle_without_grad(at::Tensor& z_H, at::Tensor& z_L, const at::Tensor& input) const;
  void recurse(Latents& latents, const at::Tensor& input, bool training, at::Tensor& z_H, at::Tensor& z_L) const;

  TrmConfig config_;
  at::ScalarType dtype_;
  kernels::ShadowedWeight embed_tokens_;   // [vocab, hidden]
  kernels::ShadowedWeight embed_pos_;      // [positions, hidden], learned positions only
  kernels::ShadowedWeight lm_head_;        // [vocab, hidden]
  kernels::ShadowedWeight q_head_weight_;  // [2, hidden]
  kernels::ShadowedWeight q_head_bias_;    // [2]
  at::Tensor H_init_;                      // [hidden], forward dtype
  at::Tensor L_init_;
  PuzzleEmbedding puzzle_embedding_;
  std::vector<Block> blocks_;
  BlockContext context_;
};

}  // namespace tern::trm
