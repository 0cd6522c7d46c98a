#include "engine/memory/block_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

namespace tern {
namespace {

const auto kPage = static_cast<size_t>(sysconf(_SC_PAGESIZE));

TEST(BlockCache, GivesPagesThatAreAllThere) {
  BlockCache cache;
  auto* bytes = static_cast<char*>(cache.take(3 * kPage + 1));
  ASSERT_NE(bytes, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % kPage, 0U);
  std::memset(bytes, 1, 3 * kPage + 1);
  EXPECT_EQ(cache.used_bytes(), 4 * kPage);
  EXPECT_TRUE(cache.give_back(bytes));
  EXPECT_EQ(cache.used_bytes(), 0U);
  EXPECT_EQ(cache.idle_bytes(), 4 * kPage);
}

TEST(BlockCache, TheSameSizeGetsTheBlockGivenBackLast) {
  BlockCache cache;
  void *first = cache.take(kPage), *second = cache.take(kPage);
  EXPECT_NE(first, second);
  cache.give_back(first);
  cache.give_back(second);
  EXPECT_EQ(cache.take(kPage - 5), second);
  EXPECT_EQ(cache.take(kPage), first);
  EXPECT_EQ(cache.idle_bytes(), 0U);
}

TEST(BlockCache, HoldsNoMoreThanTheMostThatWasInUse) {
  BlockCache cache;
  // Ten pages in use at most, always in blocks of another size.
  for (size_t pages = 1; pages <= 10; ++pages) {
    std::vector<void*> blocks;
    for (size_t used = 0; used + pages <= 10; used += pages) blocks.push_back(cache.take(pages * kPage));
    EXPECT_LE(cache.used_bytes() + cache.idle_bytes(), 10 * kPage) << pages;
    for (void* block : blocks) EXPECT_TRUE(cache.give_back(block));
  }
  EXPECT_GT(cache.idle_bytes(), 0U);
}

TEST(BlockCache, ReleasesTheOldestFirst) {
  BlockCache cache;
  void *old = cache.take(kPage), *recent = cache.take(2 * kPage);
  cache.give_back(old);
  cache.give_back(recent);
  void* third = cache.take(kPage / 2 + 3 * kPage);  // four pages where three were the most: four may be held, all new
  EXPECT_EQ(cache.idle_bytes(), 0U);
  cache.give_back(third);
  EXPECT_EQ(cache.take(4 * kPage), third);
}

// Four pages, all that may be held, in other sizes one after the other: their pages stay the same.
TEST(BlockCache, CutsAndJoinsBlocksWhereThereIsNoRoomForAnother) {
  BlockCache cache;
  auto* whole = static_cast<char*>(cache.take(4 * kPage));
  std::memset(whole, 7, 4 * kPage);
  cache.give_back(whole);
  void *first = cache.take(kPage), *second = cache.take(2 * kPage), *third = cache.take(kPage);
  EXPECT_EQ(first, whole);
  EXPECT_EQ(second, whole + kPage);
  EXPECT_EQ(third, whole + 3 * kPage);
  for (void* part : {second, first, third}) cache.give_back(part);
  EXPECT_EQ(cache.take(3 * kPage), whole);
  EXPECT_EQ(cache.take(kPage), whole + 3 * kPage);
  EXPECT_EQ(whole[4 * kPage - 1], 7);
  cache.give_back(whole);
  EXPECT_NE(cache.take(2 * kPage), nullptr);
  EXPECT_EQ(cache.idle_bytes(), kPage);
}

TEST(BlockCache, CutsFromTheSmallestStretchThatIsLargeEnough) {
  BlockCache cache;
  auto* blocks = static_cast<char*>(cache.take(9 * kPage));  // as [4 idle][1 used][3 idle][1 used]
  cache.give_back(blocks);
  std::vector<void*> parts;
  for (const size_t pages : {4, 1, 3, 1}) parts.push_back(cache.take(pages * kPage));
  cache.give_back(parts[0]);
  cache.give_back(parts[2]);
  EXPECT_EQ(cache.take(2 * kPage), parts[2]);
}

TEST(BlockCache, RefusesWhatTheSystemDoesNotHave) {
  BlockCache cache;
  cache.give_back(cache.take(kPage));
  EXPECT_EQ(cache.take(std::numeric_limits<size_t>::max() / 2), nullptr);
  EXPECT_EQ(cache.used_bytes(), 0U);
  EXPECT_NE(cache.take(kPage), nullptr);
}

TEST(BlockCache, KnowsItsOwnBlocks) {
  BlockCache cache;
  int other = 0;
  EXPECT_FALSE(cache.give_back(&other));
  void* block = cache.take(kPage);
  EXPECT_TRUE(cache.give_back(block));
  EXPECT_FALSE(cache.give_back(block));
}

TEST(BlockCache, ThreadsShareIt) {
  BlockCache cache;
  const auto work = [&](char value) {
    for (int i = 0; i < 500; ++i) {
      const size_t bytes = kPage * (1 + i % 3);
      auto* block = static_cast<char*>(cache.take(bytes));
      std::memset(block, value, bytes);
      EXPECT_EQ(block[bytes - 1], value);
      cache.give_back(block);
    }
  };
  std::thread other(work, 'a');
  work('b');
  other.join();
  EXPECT_EQ(cache.used_bytes(), 0U);
}

}  // namespace
}  // namespace tern
