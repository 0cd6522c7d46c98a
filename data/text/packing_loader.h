// Batches for pretraining: documents, encoded and packed into rows ahead of time by a thread of their own, as they fit
// or strung together.
//
//   auto documents = open_documents(base_data_dir(base_dir()), Split::train);
//   PackingLoader loader(std::move(documents), tokenizer, {.batch_size = 32, .seq_len = 2048, .rank = rank, ...});
//   TokenBatch batch = loader.next();                       // (32, 2048) inputs and targets
//   std::string state = batch.state->to_json();             // for the checkpoint
//   PackingLoader resumed(..., LoaderState::from_json(state, "step_100"));   // its next() is what loader.next() is
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "data/text/document_source.h"
#include "data/text/encoder.h"
#include "data/text/loader_state.h"
#include "data/text/packer.h"

namespace tern::text {

struct LoaderOptions {
  int64_t batch_size = 1;  // rows of a batch
  int64_t seq_len = 2048;  // tokens of a row
  int64_t rank = 0;        // of the data-parallel ranks
  int64_t world_size = 1;
  Packing packing = Packing::best_fit;
  int64_t buffer_size = 1000;  // documents that best_fit chooses from
  int64_t refill = 128;        // documents that enter the buffer together
  int threads = 4;             // that encode
  int64_t prefetch = 4;        // batches made ahead
};

// One batch. Every target is the token that follows its input. With best_fit, row b of inputs is tokens 0 to
// seq_len - 1 of a packed row, of targets tokens 1 to seq_len; with stream the whole batch is one run of
// batch_size * seq_len + 1 tokens, and the next batch begins behind them: both as nanochat has it.
struct TokenBatch {
  int64_t batch_size = 0;
  int64_t seq_len = 0;
  std::vector<int64_t> inputs;               // (batch_size, seq_len), row-major
  std::vector<int64_t> targets;              // the same shape
  std::shared_ptr<const LoaderState> state;  // after this batch: a loader resumed from it makes the batch that follows
};

// Endless. The batches depend on the documents, the tokenizer and batch_size, seq_len, rank, world_size, packing
// and, with best_fit, buffer_size and refill, never on threads or prefetch. With nanochat's values (buffer_size 1000,
// refill 128) they are nanochat's batches, with stream those of its first release. next() and the destructor belong to
// one thread.
class PackingLoader {
 public:
  // Starts at the beginning, or behind the batch that `resume` belongs to. Throws Error(checkpoint) when the state was
  // saved under another rank, world size or packing, or for other data (by its number of documents, or the length of
  // the one it stands in); Error(data) as DocumentStream does.
  PackingLoader(std::unique_ptr<DocumentSource> source, const Tokenizer& tokenizer, LoaderOptions options,
                const std::optional<LoaderState>& resume = std::nullopt);
  ~PackingLoader();
  PackingLoader(const PackingLoader&) = delete;
  PackingLoader& operator=(const PackingLoader&) = delete;

  // Waits for the next batch. Throws what reading it threw (Error(data) for a damaged shard), then and at every later
  // call.
  [[nodiscard]] TokenBatch next();

 private:
  void check_is_ours(const LoaderState& state) const;
  void restore(const LoaderState& state);
  void refill();
  [[nodiscard]] TokenBatch make_batch();
  [[nodiscard]] LoaderState state() const;
  void produce();

  const LoaderOptions options_;
  std::unique_ptr<DocumentSource> source_;
  DocumentStream stream_;
  const TokenId bos_;
  BatchEncoder encoder_;
  std::unique_ptr<Packer> packer_;
  int64_t total_documents_;
  int64_t rows_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<TokenBatch> ready_;
  std::exception_ptr failure_;
  bool stop_ = false;

  std::jthread producer_;  // last member: stops before what it uses goes
};

}  // namespace tern::text
