// The prefetching thread hands out what the loader would, with the position of what was handed out.
#include "data/puzzles/prefetch.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"
#include "tests/data/puzzles/npy_dataset.h"
#include "tests/support/temp_folder.h"

namespace tern::puzzles {
namespace {

LoaderConfig reference_config() {
  LoaderConfig config;
  config.data_paths = {std::filesystem::path(TERN_TEST_REFERENCE) / "loader" / "a"};
  config.global_batch_size = 6;
  config.epochs_per_iter = 2;
  return config;
}

bool same(const Batch& a, const Batch& b) {
  const auto equal = [](const TokenBuffer& x, const TokenBuffer& y) {
    return std::equal(x.values().begin(), x.values().end(), y.values().begin(), y.values().end());
  };
  return a.set_name == b.set_name && a.global_size == b.global_size && a.num_examples == b.num_examples &&
         equal(a.inputs, b.inputs) && equal(a.labels, b.labels) && equal(a.puzzle_identifiers, b.puzzle_identifiers);
}

TEST(Prefetcher, HandsOutTheLoadersBatchesAndPositions) {
  for (const int depth : {1, 2, 7}) {
    Loader loader(reference_config());
    Prefetcher prefetcher(Loader(reference_config()), depth);
    EXPECT_EQ(prefetcher.state(), loader.state());
    EXPECT_EQ(prefetcher.metadata().seq_len, loader.metadata().seq_len);
    Batch wanted;
    Batch got;
    for (int ends = 0; ends < 3;) {
      const bool has_batch = loader.next(wanted);
      ASSERT_EQ(prefetcher.next(got), has_batch);
      ASSERT_EQ(prefetcher.state(), loader.state());
      if (has_batch) {
        ASSERT_TRUE(same(got, wanted));
      }
      ends += has_batch ? 0 : 1;
    }
  }
}

TEST(Prefetcher, ResumesFromTheLastBatchHandedOut) {
  Prefetcher first(Loader(reference_config()), 4);
  Batch batch;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(first.next(batch));
  // Give the thread time to be ahead; the result doesn't depend on it.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  Loader loader(reference_config());
  loader.restore(first.state());
  Prefetcher second(std::move(loader), 2);
  Batch other;
  for (int i = 0; i < 50; ++i) {
    const bool has_batch = first.next(batch);
    ASSERT_EQ(second.next(other), has_batch);
    if (has_batch) {
      ASSERT_TRUE(same(batch, other)) << i;
    }
  }
}

TEST(Prefetcher, EndsAtOnceWhileItsQueueIsFull) {
  for (int i = 0; i < 50; ++i) Prefetcher prefetcher(Loader(reference_config()), 1 + i % 3);
}

TEST(Prefetcher, DeliversAnErrorAfterTheBatchesBeforeIt) {
  const tern::test::TempFolder folder;
  test::NpyDataset dataset;
  dataset.labels.back() = 99;
  dataset.write(folder / "d", "test");
  LoaderConfig config;
  config.data_paths = {folder / "d"};
  config.split = "test";
  config.test_set_mode = true;
  config.global_batch_size = 2;
  Prefetcher prefetcher(Loader(config), 2);
  Batch batch;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(prefetcher.next(batch));
  const LoaderState before = prefetcher.state();
  for (int i = 0; i < 2; ++i) EXPECT_THROW((void)prefetcher.next(batch), Error);
  EXPECT_EQ(prefetcher.state(), before);
}

}  // namespace
}  // namespace tern::puzzles
