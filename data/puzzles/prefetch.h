// Loads batches ahead of the training step, on a thread of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>

#include "data/puzzles/batch.h"
#include "data/puzzles/loader.h"

namespace tern::puzzles {

// Calls of next and state come from one thread. The memory held is (depth + 2) batches.
class Prefetcher {
 public:
  // Takes the loader, at whatever position it has, and starts to load. depth >= 1 batches wait at most.
  Prefetcher(Loader loader, int depth);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  [[nodiscard]] const Metadata& metadata() const { return metadata_; }

  // As Loader::next; batch is exchanged for a loaded one and its memory is filled again later. An error of the loader
  // is thrown here, after the batches before it, and again by every later call.
  [[nodiscard]] bool next(Batch& batch);

  // The position after the batches handed out, not after those loaded ahead.
  [[nodiscard]] const LoaderState& state() const { return state_; }

 private:
  struct Loaded {
    Batch batch;
    LoaderState state_after;
    bool is_batch = false;     // false: the end of an iteration, or an error
    std::exception_ptr error;  // the last one that the thread delivers
  };

  void run(const std::stop_token& stop);
  [[nodiscard]] Loaded load();
  [[nodiscard]] Batch take_empty();

  Loader loader_;  // used by the thread only
  const Metadata metadata_;
  const size_t depth_;
  LoaderState state_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Loaded> ready_;
  std::deque<Batch> empty_;
  std::jthread thread_;
};

}  // namespace tern::puzzles
