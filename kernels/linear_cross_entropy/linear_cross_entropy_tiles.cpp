#include "kernels/linear_cross_entropy/linear_cross_entropy_tiles.h"

#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/common/cpu_level.h"
#include "kernels/linear_cross_entropy/linear_cross_entropy_cpu.h"

namespace tern::kernels {
namespace {

using at::native::cpublas::brgemm;

constexpr int64_t kMaxTokens = 256;       // of a chunk
constexpr int64_t kTileElements = 32768;  // of a tile of the weight
// Of a block of the chunk's logits: a small one finds its place in memory that the layers' temporaries have left.
constexpr int64_t kBlockElements = int64_t{1} << 18;

// oneDNN says by an exception that it has no kernel for this processor.
bool has_brgemm() {
  static const bool has = [] {
    const float a[16 * 16] = {}, b[16 * 16] = {};
    float c[16 * 16];
    try {
      brgemm(16, 16, 16, 16, 16, 16, false, a, b, c);
      at::native::cpublas::brgemm_release(false);
      return true;
    } catch (const c10::Error&) {
      return false;
    }
  }();
  return has;
}

// What becomes known of the tokens of a chunk.
struct Tokens {
  std::vector<float> label_logit;  // capped
  std::vector<float> largest;
  std::vector<float> factor;      // of exp(capped - largest) in the gradient
  std::vector<float> label_slot;  // the gradient at the label
};

class Chunk {
 public:
  Chunk(const LinearCrossEntropyTiles& in, const CrossEntropyOptions& options, int64_t chunk_bytes)
      : in_(in),
        cap_(static_cast<float>(options.softcap)),
        ignore_(options.ignore_index),
        features_(in.hidden.size(1)),
        width_(in.weight.size(0)),
        vocab_(options.vocab == 0 ? width_ : options.vocab),
        backward_(in.row_weight.defined()),
        room_tokens_(std::clamp<int64_t>(chunk_bytes / (width_ * 4), 1, std::min(kMaxTokens, in.hidden.size(0)))),
        tile_rows_(std::clamp<int64_t>(kTileElements / std::max<int64_t>(features_, 1) / 16 * 16, 16, 1024)),
        tiles_((width_ + tile_rows_ - 1) / tile_rows_),
        block_tiles_(std::max<int64_t>(kBlockElements / (tile_rows_ * room_tokens_), 1)) {
    const auto room = [](int64_t size) { return at::empty({size}, at::kFloat); };
    hidden_t_ = room(features_ * room_tokens_);
    statistics_ = room(4 * tiles_ * room_tokens_);
    if (!backward_) return;
    for (int64_t tile = 0; tile < tiles_; tile += block_tiles_) {
      logits_.push_back(room(block_tiles_ * tile_rows_ * room_tokens_));
    }
    d_hidden_ = room(at::get_num_threads() * room_tokens_ * features_);
  }

  [[nodiscard]] int64_t room_tokens() const { return room_tokens_; }

  void run(int64_t first, int64_t count) {
    first_ = first;
    tokens_ = count;
    const auto size = static_cast<size_t>(count);
    known_ = {std::vector<float>(size), std::vector<float>(size), std::vector<float>(size), std::vector<float>(size)};
    with_cpu_level([&]<CpuLevel level>() {
      transpose_cpu<level>(hidden(), tokens_, features_, hidden_t_.mutable_data_ptr<float>());
      each_tile([&](int64_t begin, int64_t end) { forward<level>(begin, end); });
    });
    finish_rows();
    if (!backward_) return;
    used_.assign(static_cast<size_t>(at::get_num_threads()), 0);
    with_cpu_level(
        [&]<CpuLevel level>() { each_tile([&](int64_t begin, int64_t end) { backward<level>(begin, end); }); });
    add_up_d_hidden();
  }

 private:
  template <class Body>
  void each_tile(const Body& body) const {
    at::parallel_for(0, tiles_, 1, [&](int64_t begin, int64_t end) {
      body(begin, end);
      at::native::cpublas::brgemm_release(false);
    });
  }

  [[nodiscard]] const float* hidden() const { return in_.hidden.const_data_ptr<float>() + first_ * features_; }
  [[nodiscard]] const float* weight(int64_t tile) const {
    return in_.weight.const_data_ptr<float>() + tile * tile_rows_ * features_;
  }
  [[nodiscard]] int64_t label(int64_t token) const { return in_.labels.const_data_ptr<int64_t>()[first_ + token]; }
  [[nodiscard]] int64_t rows_of(int64_t tile) const { return std::min(tile_rows_, width_ - tile * tile_rows_); }
  // Without the padding.
  [[nodiscard]] int64_t vocab_rows_of(int64_t tile) const {
    return std::clamp<int64_t>(vocab_ - tile * tile_rows_, 0, rows_of(tile));
  }
  [[nodiscard]] float* logits(int64_t tile) const {
    float* block = logits_[static_cast<size_t>(tile / block_tiles_)].mutable_data_ptr<float>();
    return block + tile % block_tiles_ * tile_rows_ * tokens_;
  }
  [[nodiscard]] LogitTileStatistics statistics(int64_t tile) const {
    float* p = statistics_.mutable_data_ptr<float>() + 4 * tile * room_tokens_;
    return {p, p + room_tokens_, p + 2 * room_tokens_, p + 3 * room_tokens_};
  }

  // Calls body(token, row inside the tile) for the tokens whose label is in it.
  template <class Body>
  void each_label(int64_t tile, const Body& body) const {
    const int64_t first = tile * tile_rows_, end = first + rows_of(tile);
    for (int64_t token = 0; token < tokens_; ++token) {
      const int64_t at = label(token);
      if (at != ignore_ && at >= first && at < end) body(token, at - first);
    }
  }

  template <CpuLevel level>
  void forward(int64_t begin, int64_t end) {
    std::vector<float> own(static_cast<size_t>(backward_ ? 0 : tile_rows_ * tokens_));
    for (int64_t tile = begin; tile < end; ++tile) {
      float* capped = backward_ ? logits(tile) : own.data();
      brgemm(rows_of(tile), tokens_, features_, features_, tokens_, tokens_, false, weight(tile),
             hidden_t_.const_data_ptr<float>(), capped);
      cap_logits_cpu<level>(capped, vocab_rows_of(tile), tokens_, cap_, statistics(tile));
      each_label(tile, [&](int64_t token, int64_t row) {
        known_.label_logit[static_cast<size_t>(token)] = capped[row * tokens_ + token];
      });
    }
  }

  // The tiles' statistics of a token put together, in their order.
  void finish_rows() {
    auto* loss = in_.loss.mutable_data_ptr<float>() + first_;
    auto* argmax = in_.argmax.mutable_data_ptr<int64_t>() + first_;
    const float* row_weight = backward_ ? in_.row_weight.const_data_ptr<float>() + first_ : nullptr;
    for (int64_t token = 0; token < tokens_; ++token) {
      float largest = -INFINITY, best = -INFINITY;
      argmax[token] = 0;
      for (int64_t tile = 0; tile < tiles_; ++tile) {
        const LogitTileStatistics tiles = statistics(tile);
        if (tiles.largest[token] > largest || std::isnan(tiles.largest[token])) largest = tiles.largest[token];
        if (tiles.best[token] <= best) continue;
        best = tiles.best[token];
        argmax[token] = tile * tile_rows_ + static_cast<int64_t>(tiles.best_row[token]);
      }
      float sum = 0;
      for (int64_t tile = 0; tile < tiles_; ++tile) {
        const LogitTileStatistics tiles = statistics(tile);
        if (vocab_rows_of(tile) > 0) sum += tiles.sum[token] * std::exp(tiles.largest[token] - largest);
      }
      finish_row(token, largest, sum, row_weight == nullptr ? 0 : row_weight[token], loss[token]);
    }
  }

  void finish_row(int64_t token, float largest, float sum, float row_weight, float& loss) {
    const auto i = static_cast<size_t>(token);
    const bool counts = label(token) != ignore_;
    // The two are kept apart: their combination would lose the last digits of the loss of a confident row.
    const float below_largest = known_.label_logit[i] - largest, log_sum = std::log(sum);
    loss = counts ? static_cast<float>(static_cast<double>(log_sum) - static_cast<double>(below_largest)) : 0;
    known_.largest[i] = largest;
    known_.factor[i] = counts ? row_weight / sum : 0;
    // p - 1 by expm1, since a confident row's p is rounded to 1.
    const float t = cap_ != 0 ? known_.label_logit[i] / cap_ : 0;
    known_.label_slot[i] = std::expm1(below_largest - log_sum) * row_weight * (1 - t * t);
  }

  template <CpuLevel level>
  void backward(int64_t begin, int64_t end) {
    std::vector<float> d(static_cast<size_t>(2 * tile_rows_ * tokens_));
    float* d_t = d.data() + tile_rows_ * tokens_;
    const auto thread = static_cast<size_t>(at::get_thread_num());
    float* d_hidden = d_hidden_.mutable_data_ptr<float>() + static_cast<int64_t>(thread) * room_tokens_ * features_;
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t rows = rows_of(tile), vocab_rows = vocab_rows_of(tile);
      logit_gradient_cpu<level>(logits(tile), vocab_rows, tokens_, cap_, known_.largest.data(), known_.factor.data(),
                                d.data());
      std::fill(d.data() + vocab_rows * tokens_, d.data() + rows * tokens_, 0.0f);
      each_label(tile, [&](int64_t token, int64_t row) {
        d[static_cast<size_t>(row * tokens_ + token)] = known_.label_slot[static_cast<size_t>(token)];
      });
      brgemm(rows, features_, tokens_, tokens_, features_, features_, first_ > 0, d.data(), hidden(),
             in_.d_weight.mutable_data_ptr<float>() + tile * tile_rows_ * features_);
      transpose_cpu<level>(d.data(), rows, tokens_, d_t);
      brgemm(tokens_, features_, rows, rows, features_, features_, used_[thread] != 0, d_t, weight(tile), d_hidden);
      used_[thread] = 1;
    }
  }

  void add_up_d_hidden() const {
    float* out = in_.d_hidden.mutable_data_ptr<float>() + first_ * features_;
    const int64_t size = tokens_ * features_;
    std::fill(out, out + size, 0.0f);
    for (size_t thread = 0; thread < used_.size(); ++thread) {
      if (used_[thread] == 0) continue;
      const float* part = d_hidden_.const_data_ptr<float>() + static_cast<int64_t>(thread) * room_tokens_ * features_;
      for (int64_t i = 0; i < size; ++i) out[i] += part[i];
    }
  }

  const LinearCrossEntropyTiles& in_;
  const float cap_;
  const int64_t ignore_, features_, width_, vocab_;
  const bool backward_;
  const int64_t room_tokens_, tile_rows_, tiles_, block_tiles_;
  at::Tensor hidden_t_;             // [features, tokens]
  at::Tensor statistics_;           // [tiles, 4, room_tokens]
  std::vector<at::Tensor> logits_;  // [block_tiles, tile_rows, tokens] each, capped
  at::Tensor d_hidden_;             // [threads, tokens, features]: each thread's sum over its tiles
  std::vector<char> used_;
  int64_t first_ = 0, tokens_ = 0;
  Tokens known_;
};

}  // namespace

bool can_use_tiles(const at::Tensor& hidden, const CrossEntropyOptions& options) {
  return hidden.is_cpu() && hidden.scalar_type() == at::kFloat && options.kind == CrossEntropyKind::softmax &&
         !options.float64_loss && hidden.numel() > 0 && has_brgemm();
}

void linear_cross_entropy_tiles(const LinearCrossEntropyTiles& in, const CrossEntropyOptions& options,
                                int64_t chunk_bytes) {
  Chunk chunk(in, options, chunk_bytes);
  for (int64_t first = 0; first < in.hidden.size(0); first += chunk.room_tokens()) {
    chunk.run(first, std::min(chunk.room_tokens(), in.hidden.size(0) - first));
  }
}

}  // namespace tern::kernels
