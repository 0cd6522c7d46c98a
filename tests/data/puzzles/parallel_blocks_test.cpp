#include "data/puzzles/parallel_blocks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace tern::puzzles {
namespace {

TEST(RunBlocks, RunsEveryBlockOnceAndCommitsInOrder) {
  for (const int threads : {1, 2, 7}) {
    std::vector<std::atomic<int>> produced(200);
    std::vector<int64_t> committed;
    BlockWork work;
    work.produce = [&](int worker, int64_t block) {
      EXPECT_LT(worker, threads);
      ++produced[block];
    };
    work.commit = [&](int, int64_t block) { committed.push_back(block); };
    int64_t last_tick = -1;
    work.tick = [&](int64_t done) { last_tick = done; };
    run_blocks(200, threads, work);
    for (const auto& count : produced) EXPECT_EQ(count, 1);
    std::vector<int64_t> in_order(200);
    std::iota(in_order.begin(), in_order.end(), 0);
    EXPECT_EQ(committed, in_order);
    EXPECT_EQ(last_tick, 200);
  }
}

TEST(RunBlocks, DoesNothingForNoBlocks) {
  BlockWork work;
  work.produce = [](int, int64_t) { FAIL(); };
  run_blocks(0, 3, work);
}

// Workers that wait for their turn must be released too.
TEST(RunBlocks, StopsAtTheFirstErrorOfAnyStep) {
  for (const int failing_step : {0, 1, 2}) {
    std::atomic<int> produced = 0;
    BlockWork work;
    work.produce = [&](int, int64_t block) {
      ++produced;
      if (failing_step == 0 && block == 5) throw std::runtime_error("produce");
    };
    work.commit = [&](int, int64_t block) {
      if (failing_step == 1 && block == 5) throw std::runtime_error("commit");
      while (failing_step == 2 && block == 5 && produced >= 0) std::this_thread::yield();
    };
    work.tick = [&](int64_t) {
      if (failing_step != 2) return;
      produced = -1000000;
      throw std::runtime_error("tick");
    };
    EXPECT_THROW(run_blocks(1'000'000, 3, work), std::runtime_error);
    EXPECT_LT(produced, 1000);
  }
}

}  // namespace
}  // namespace tern::puzzles
