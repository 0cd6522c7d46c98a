#include "data/puzzles/parallel_blocks.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace tern::puzzles {

namespace {

class BlockRunner {
 public:
  BlockRunner(int64_t num_blocks, const BlockWork& work) : num_blocks_(num_blocks), work_(work) {}

  void work(int worker) {
    try {
      for (int64_t block = next_block(); block >= 0; block = next_block()) {
        work_.produce(worker, block);
        if (!commit_in_turn(worker, block)) break;
        finish_block();
      }
    } catch (...) {
      fail(std::current_exception());
    }
    const std::lock_guard lock(mutex_);
    ++ended_workers_;
    changed_.notify_all();
  }

  // Ticks until all workers have ended, the last time after that.
  void watch(int threads) {
    bool ended = false;
    while (!ended) {
      std::unique_lock lock(mutex_);
      ended = changed_.wait_for(lock, std::chrono::milliseconds(100), [&] { return ended_workers_ == threads; });
      const int64_t done = done_;
      if (!work_.tick || error_) continue;
      lock.unlock();
      try {
        work_.tick(done);
      } catch (...) {
        fail(std::current_exception());
      }
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  // The next block to start, or -1 when there is none.
  int64_t next_block() {
    const std::lock_guard lock(mutex_);
    return error_ || next_ == num_blocks_ ? -1 : next_++;
  }

  // Returns false when another block failed.
  bool commit_in_turn(int worker, int64_t block) {
    if (!work_.commit) return true;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return turn_ == block || error_; });
    if (error_) return false;
    lock.unlock();
    work_.commit(worker, block);
    lock.lock();
    ++turn_;
    changed_.notify_all();
    return true;
  }

  void finish_block() {
    const std::lock_guard lock(mutex_);
    ++done_;
  }

  void fail(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    changed_.notify_all();
  }

  const int64_t num_blocks_;
  const BlockWork& work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t next_ = 0;
  int64_t turn_ = 0;
  int64_t done_ = 0;
  int ended_workers_ = 0;
  std::exception_ptr error_;
};

}  // namespace

void run_blocks(int64_t num_blocks, int threads, const BlockWork& work) {
  BlockRunner runner(num_blocks, work);
  std::vector<std::jthread> workers;
  for (int worker = 0; worker < threads; ++worker) {
    workers.emplace_back([&runner, worker] { runner.work(worker); });
  }
  runner.watch(threads);
  workers.clear();
  runner.rethrow();
}

}  // namespace tern::puzzles
