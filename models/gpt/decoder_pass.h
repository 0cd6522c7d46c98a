// What a Decoder reads and works in, and one token's way through it.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "kernels/common/team.h"
#include "kernels/decode_attention/decode_attention.h"
#include "kernels/matvec/matvec.h"
#include "kernels/rope/rope.h"
#include "models/gpt/config.h"
#include "models/gpt/kv_cache.h"

namespace tern::gpt {

struct DecoderLayer {
  kernels::Matvec qkv, proj, fc, mlp_proj;
  at::Tensor ve_gate, value_embedding;  // undefined in layers without
  int64_t window = 0;
  float resid_lambda = 1, x0_lambda = 0;
};

// Float32 but for the matrices. Legend: D n_embd, C head_dim, V vocab_size.
struct DecoderWeights {
  GptConfig config;
  std::vector<DecoderLayer> layers;
  kernels::Matvec lm_head;  // V outputs
  at::Tensor wte;           // [V, D]
  at::Tensor smear_gate;    // [1, smear_channels], undefined where the part is off
  float smear_lambda = 0, backout_lambda = 0;
  kernels::RopeTable rope;
};

// Activations of a token, [rows, ...] float32, contiguous.
struct DecoderRoom {
  // What the members of a team compute together.
  at::Tensor qkv, scores, attended, branch, hidden;
  // What each member computes for itself: the residual stream x, what the first layer gets, the stream after the middle
  // layer, and the stream normalised. [members, 4, rows, D]
  at::Tensor streams;

  DecoderRoom() = default;
  DecoderRoom(const GptConfig& config, int64_t rows, int64_t capacity, int64_t members);
  [[nodiscard]] bool fits(int64_t rows, int64_t capacity, int64_t members) const;
};

// One token per row on top of those in the cache. Every member of a team makes one of these and runs it.
class DecoderPass {
 public:
  // embedded: [rows, D], what the next token's smear needs; logits: [rows, V]. Both are written; keys and values go
  // into the cache, whose length stays as it is.
  DecoderPass(const DecoderWeights& weights, DecoderRoom& room, std::span<const int64_t> tokens, KvCache& cache,
              kernels::Team& team, float* embedded, float* logits);

  void run();

 private:
  void prefetch_value_embeddings() const;
  void embed();
  void normalise_stream();
  void add_branch();
  template <class Then>
  void multiply(const kernels::Matvec& matrix, const float* x, float* y, const Then& then);
  void attend(const DecoderLayer& layer, int64_t index);
  void prepare_query(int64_t row, int64_t head);
  void prepare_key_and_value(const DecoderLayer& layer, int64_t index, int64_t row, int64_t kv_head);
  void turn(float* head);
  void feed_forward(const DecoderLayer& layer);
  void write_logits();

  const DecoderWeights& weights_;
  const GptConfig& config_;
  DecoderRoom& room_;
  std::span<const int64_t> tokens_;
  KvCache& cache_;
  kernels::Team& team_;
  float *embedded_, *logits_;
  int64_t rows_, width_, head_dim_;
  float *x_, *x0_, *middle_, *normed_;  // this member's, [rows, D]
};

}  // namespace tern::gpt
