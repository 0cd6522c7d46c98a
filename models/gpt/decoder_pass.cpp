#include "models/gpt/decoder_pass.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "kernels/row_ops/row_ops.h"
#include "models/gpt/block.h"

namespace tern::gpt {

namespace {

constexpr auto kNothing = [](float*, int64_t) {};

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

float dot(const float* a, const float* b, int64_t size) {
  float sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

DecoderRoom::DecoderRoom(const GptConfig& config, int64_t rows, int64_t capacity, int64_t members) {
  const auto room = [&](int64_t width) { return at::empty({rows, width}, at::kFloat); };
  const int64_t width = config.n_embd;
  qkv = room((config.n_head + 2 * config.n_kv_head) * config.head_dim());
  scores = at::empty({rows, config.n_head, capacity}, at::kFloat);
  attended = room(config.n_head * config.head_dim());
  branch = room(width);
  hidden = room(4 * width);
  streams = at::empty({members, 4, rows, width}, at::kFloat);
}

bool DecoderRoom::fits(int64_t rows, int64_t capacity, int64_t members) const {
  return scores.defined() && scores.size(0) == rows && scores.size(2) == capacity && streams.size(0) >= members;
}

DecoderPass::DecoderPass(const DecoderWeights& weights, DecoderRoom& room, std::span<const int64_t> tokens,
                         KvCache& cache, kernels::Team& team, float* embedded, float* logits)
    : weights_(weights),
      config_(weights.config),
      room_(room),
      tokens_(tokens),
      cache_(cache),
      team_(team),
      embedded_(embedded),
      logits_(logits),
      rows_(cache.rows()),
      width_(config_.n_embd),
      head_dim_(config_.head_dim()) {
  const int64_t size = rows_ * width_;
  x_ = room.streams.mutable_data_ptr<float>() + team.index() * 4 * size;
  x0_ = x_ + size;
  middle_ = x0_ + size;
  normed_ = middle_ + size;
}

void DecoderPass::run() {
  prefetch_value_embeddings();
  embed();
  for (int64_t i = 0; i < config_.n_layer; ++i) {
    const DecoderLayer& layer = weights_.layers[static_cast<size_t>(i)];
    kernels::add_row(x_, layer.resid_lambda, x0_, layer.x0_lambda, rows_ * width_);
    normalise_stream();
    attend(layer, i);
    normalise_stream();
    feed_forward(layer);
    if (i == config_.n_layer / 2) std::copy_n(x_, rows_ * width_, middle_);
  }
  if (config_.backout) kernels::add_row(x_, 1, middle_, -weights_.backout_lambda, rows_ * width_);
  normalise_stream();
  write_logits();
}

// The rows lie anywhere in large tables: asked for at the start of a token, they are there when their layer wants them.
void DecoderPass::prefetch_value_embeddings() const {
  constexpr int64_t kLine = 64 / sizeof(float);
  for (const DecoderLayer& layer : weights_.layers) {
    if (!layer.value_embedding.defined()) continue;
    const int64_t width = layer.value_embedding.size(1);
    for (const int64_t token : tokens_) {
      const auto* row = layer.value_embedding.const_data_ptr<float>() + token * width;
      for (int64_t i = 0; i < width; i += kLine) __builtin_prefetch(row + i);
    }
  }
}

// The stream that the first layer gets, in x0 and x.
void DecoderPass::embed() {
  const at::Tensor& previous = cache_.previous_embedding();
  for (int64_t row = 0; row < rows_; ++row) {
    float* x0 = x0_ + row * width_;
    const int64_t token = tokens_[static_cast<size_t>(row)];
    kernels::rms_norm_row(weights_.wte.const_data_ptr<float>() + token * width_, width_, config_.norm_eps, x0);
    if (team_.index() == 0) std::copy_n(x0, width_, embedded_ + row * width_);
    if (!config_.smear || !previous.defined()) continue;
    const auto* gate = weights_.smear_gate.const_data_ptr<float>();
    const float share = weights_.smear_lambda * sigmoid(dot(x0, gate, config_.smear_channels));
    kernels::add_row(x0, 1, previous.const_data_ptr<float>() + row * width_, share, width_);
  }
  std::copy_n(x0_, rows_ * width_, x_);
}

void DecoderPass::normalise_stream() {
  for (int64_t at = 0; at < rows_ * width_; at += width_) {
    kernels::rms_norm_row(x_ + at, width_, config_.norm_eps, normed_ + at);
  }
}

// y = x matrix^T by the team, in pieces of a microsecond: a member that was held up doesn't hold up the others for
// longer. then(y's part, size) is called for what is finished, row by row.
template <class Then>
void DecoderPass::multiply(const kernels::Matvec& matrix, const float* x, float* y, const Then& then) {
  constexpr int64_t kPieceBytes = int64_t{32} << 10;
  const int64_t units = kPieceBytes / (kernels::Matvec::kUnit * matrix.row_bytes());
  const int64_t piece = std::max<int64_t>(units, 1) * kernels::Matvec::kUnit;
  team_.take_pieces(matrix.out(), piece, [&](int64_t begin, int64_t end) {
    matrix.compute(x, rows_, begin, end, y);
    for (int64_t row = 0; row < rows_; ++row) then(y + row * matrix.out() + begin, end - begin);
  });
}

// What the team has computed, onto every member's stream.
void DecoderPass::add_branch() {
  team_.meet();
  kernels::add_row(x_, 1, room_.branch.const_data_ptr<float>(), 1, rows_ * width_);
}

void DecoderPass::attend(const DecoderLayer& layer, int64_t index) {
  multiply(layer.qkv, normed_, room_.qkv.mutable_data_ptr<float>(), kNothing);
  team_.meet();
  // The heads of keys and values first: they take longer.
  const int64_t heads = config_.n_head + config_.n_kv_head;
  team_.take_pieces(rows_ * heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i % rows_, head = i / rows_;
      if (head < config_.n_kv_head) {
        prepare_key_and_value(layer, index, row, head);
      } else {
        prepare_query(row, head - config_.n_kv_head);
      }
    }
  });
  team_.meet();
  const int64_t length = cache_.length() + 1;
  const kernels::DecodeAttention attention{.q = room_.qkv.const_data_ptr<float>(),
                                           .keys = cache_.key_room(index),
                                           .values = cache_.value_room(index),
                                           .scores = room_.scores.mutable_data_ptr<float>(),
                                           .out = room_.attended.mutable_data_ptr<float>(),
                                           .rows = rows_,
                                           .num_heads = config_.n_head,
                                           .num_kv_heads = config_.n_kv_head,
                                           .head_dim = head_dim_,
                                           .positions = cache_.capacity(),
                                           .q_stride = room_.qkv.size(1),
                                           .length = length,
                                           .seen = std::min(length, layer.window + 1),
                                           .scale = static_cast<float>(score_scale(config_))};
  const auto [first_head, end_head] = team_.share(rows_ * config_.n_head);
  kernels::decode_attention(attention, first_head, end_head);
  team_.meet();
  multiply(layer.proj, room_.attended.const_data_ptr<float>(), room_.branch.mutable_data_ptr<float>(), kNothing);
  add_branch();
}

// Norm and rotation of a query's or key's head.
void DecoderPass::turn(float* head) {
  if (config_.qk_norm) kernels::rms_norm_row(head, head_dim_, config_.norm_eps, head);
  const int64_t half = head_dim_ / 2, angles = cache_.length() * half;
  kernels::rope_row(head, weights_.rope.cos.const_data_ptr<float>() + angles,
                    weights_.rope.sin.const_data_ptr<float>() + angles, half);
}

void DecoderPass::prepare_query(int64_t row, int64_t head) {
  turn(room_.qkv.mutable_data_ptr<float>() + row * room_.qkv.size(1) + head * head_dim_);
}

// Into the cache; v += 3 sigmoid(gate(x)) * embedding(token).
void DecoderPass::prepare_key_and_value(const DecoderLayer& layer, int64_t index, int64_t row, int64_t kv_head) {
  float* qkv = room_.qkv.mutable_data_ptr<float>() + row * room_.qkv.size(1);
  float* k = qkv + (config_.n_head + kv_head) * head_dim_;
  float* v = k + config_.n_kv_head * head_dim_;
  turn(k);
  if (layer.value_embedding.defined()) {
    const auto* gate = layer.ve_gate.const_data_ptr<float>() + kv_head * config_.ve_gate_channels;
    const float share = 3 * sigmoid(dot(normed_ + row * width_, gate, config_.ve_gate_channels));
    const int64_t embedding = (tokens_[static_cast<size_t>(row)] * config_.n_kv_head + kv_head) * head_dim_;
    kernels::add_row(v, 1, layer.value_embedding.const_data_ptr<float>() + embedding, share, head_dim_);
  }
  const int64_t place = ((row * config_.n_kv_head + kv_head) * cache_.capacity() + cache_.length()) * head_dim_;
  std::copy_n(k, head_dim_, cache_.key_room(index) + place);
  std::copy_n(v, head_dim_, cache_.value_room(index) + place);
}

void DecoderPass::feed_forward(const DecoderLayer& layer) {
  multiply(layer.fc, normed_, room_.hidden.mutable_data_ptr<float>(), kernels::relu_squared_row);
  team_.meet();
  multiply(layer.mlp_proj, room_.hidden.const_data_ptr<float>(), room_.branch.mutable_data_ptr<float>(), kNothing);
  add_branch();
}

void DecoderPass::write_logits() {
  const double cap = config_.softcap;
  multiply(weights_.lm_head, normed_, logits_, [cap](float* logits, int64_t size) {
    if (cap > 0) kernels::softcap_row(logits, size, cap);
  });
}

}  // namespace tern::gpt
