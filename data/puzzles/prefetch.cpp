#include "data/puzzles/prefetch.h"

#include <string>
#include <utility>

#include "base/error.h"

namespace tern::puzzles {

Prefetcher::Prefetcher(Loader loader, int depth)
    : loader_(std::move(loader)),
      metadata_(loader_.metadata()),
      depth_(static_cast<size_t>(depth)),
      state_(loader_.state()) {
  TERN_CHECK(depth >= 1, "depth " + std::to_string(depth));
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Prefetcher::~Prefetcher() {
  thread_.request_stop();
  changed_.notify_all();
  thread_.join();
}

void Prefetcher::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Loaded loaded = load();
    const bool failed = loaded.error != nullptr;
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return ready_.size() < depth_; })) return;
    ready_.push_back(std::move(loaded));
    changed_.notify_all();
    if (failed) return;
  }
}

Prefetcher::Loaded Prefetcher::load() {
  Loaded loaded;
  loaded.batch = take_empty();
  try {
    loaded.is_batch = loader_.next(loaded.batch);
    loaded.state_after = loader_.state();
  } catch (...) {
    loaded.error = std::current_exception();
  }
  return loaded;
}

Batch Prefetcher::take_empty() {
  const std::lock_guard lock(mutex_);
  if (empty_.empty()) return {};
  Batch batch = std::move(empty_.front());
  empty_.pop_front();
  return batch;
}

bool Prefetcher::next(Batch& batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty(); });
  if (ready_.front().error) std::rethrow_exception(ready_.front().error);  // stays there for later calls
  Loaded loaded = std::move(ready_.front());
  ready_.pop_front();
  if (loaded.is_batch) std::swap(batch, loaded.batch);
  empty_.push_back(std::move(loaded.batch));
  changed_.notify_all();
  state_ = std::move(loaded.state_after);
  return loaded.is_batch;
}

}  // namespace tern::puzzles
