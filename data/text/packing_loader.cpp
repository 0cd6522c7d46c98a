#include "data/text/packing_loader.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace tern::text {

PackingLoader::PackingLoader(std::unique_ptr<DocumentSource> source, const Tokenizer& tokenizer, LoaderOptions options,
                             const std::optional<LoaderState>& resume)
    : options_(options),
      source_(std::move(source)),
      stream_(*source_, options_.rank, options_.world_size),
      bos_(tokenizer.bos()),
      encoder_(tokenizer, options_.threads),
      packer_(make_packer(options_.packing, options_.buffer_size)),
      total_documents_(total_documents(*source_)) {
  if (resume) restore(*resume);
  producer_ = std::jthread([this] { produce(); });
}

PackingLoader::~PackingLoader() {
  const std::lock_guard lock(mutex_);
  stop_ = true;
  changed_.notify_all();
}

void PackingLoader::check_is_ours(const LoaderState& state) const {
  const auto slice = [](int64_t rank, int64_t world_size) {
    return "rank " + std::to_string(rank) + " of " + std::to_string(world_size);
  };
  if (state.rank != options_.rank || state.world_size != options_.world_size) {
    throw Error(ErrorKind::checkpoint,
                "the loader state is that of " + slice(state.rank, state.world_size) + ", this is " +
                    slice(options_.rank, options_.world_size),
                source_->name(), "resume with as many processes as before");
  }
  if (state.documents != 0 && state.documents != total_documents_) {
    throw Error(ErrorKind::checkpoint,
                "the loader state belongs to data with " + std::to_string(state.documents) + " documents, here are " +
                    std::to_string(total_documents_),
                source_->name(), "resume with the data that the run was started with");
  }
  if (!state.buffered.empty() && state.packing != options_.packing) {
    throw Error(ErrorKind::checkpoint,
                std::string("the loader state is one of packing=") + packing_name(state.packing) + ", this is " +
                    packing_name(options_.packing),
                source_->name(), "resume with the packing that the run was started with");
  }
}

void PackingLoader::restore(const LoaderState& state) {
  check_is_ours(state);
  stream_.seek(state.position);
  const auto tokens = encoder_.encode(stream_.fetch(state.buffered), bos_);
  for (size_t i = 0; i < tokens.size(); ++i) packer_->add(state.buffered[i], tokens[i]);
  if (!packer_->skip(state.used)) {
    throw Error(ErrorKind::checkpoint,
                "the loader state stands at token " + std::to_string(state.used) + " of a document that is not so long",
                source_->name(), "resume with the data and the tokenizer that the run was started with");
  }
  rows_ = state.rows;
}

void PackingLoader::refill() {
  const DocumentBatch batch = stream_.next(options_.refill);
  auto tokens = encoder_.encode(batch.documents, bos_);
  for (size_t i = 0; i < tokens.size(); ++i) packer_->add(batch.addresses[i], std::move(tokens[i]));
}

LoaderState PackingLoader::state() const {
  return {.position = stream_.position(),
          .buffered = packer_->buffered(),
          .used = packer_->used(),
          .packing = options_.packing,
          .rows = rows_,
          .world_size = options_.world_size,
          .rank = options_.rank,
          .documents = total_documents_};
}

TokenBatch PackingLoader::make_batch() {
  TokenBatch batch;
  batch.batch_size = options_.batch_size;
  batch.seq_len = options_.seq_len;
  // A run has a token more than its inputs, for the last target: best_fit packs row by row, stream a batch at once.
  const int64_t rows_of_run = options_.packing == Packing::stream ? options_.batch_size : 1;
  std::vector<int64_t> run(static_cast<size_t>(rows_of_run * options_.seq_len) + 1);
  for (int64_t row = 0; row < options_.batch_size; row += rows_of_run) {
    packer_->fill(run, [this] { refill(); });
    batch.inputs.insert(batch.inputs.end(), run.begin(), run.end() - 1);
    batch.targets.insert(batch.targets.end(), run.begin() + 1, run.end());
  }
  rows_ += options_.batch_size;
  batch.state = std::make_shared<const LoaderState>(state());
  return batch;
}

void PackingLoader::produce() {
  const auto is_full = [this] { return static_cast<int64_t>(ready_.size()) >= options_.prefetch; };
  try {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stop_ || !is_full(); });
        if (stop_) return;
      }
      TokenBatch batch = make_batch();
      const std::lock_guard lock(mutex_);
      ready_.push_back(std::move(batch));
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

TokenBatch PackingLoader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || failure_; });
  if (ready_.empty()) std::rethrow_exception(failure_);
  TokenBatch batch = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return batch;
}

}  // namespace tern::text
