#include "data/puzzles/arc_overlap.h"

#include <gtest/gtest.h>

#include "tests/data/puzzles/arc_puzzles.h"

namespace tern::puzzles {
namespace {

using test::augmented_plainly;
using test::random_grid;

Pair augmented_pair(const Pair& pair, int transform, const ColourMap& colours) {
  return {augmented_plainly(pair.input, transform, colours), augmented_plainly(pair.output, transform, colours)};
}

TEST(CanonicalPairHash, IsTheSameAfterEverySymmetryAndRecolouring) {
  std::mt19937 random(2);
  for (int i = 0; i < 20; ++i) {
    const Pair pair{random_grid(random, 1 + i % 5, 3, 10), random_grid(random, 4, 1 + i % 3, 10)};
    const Hash128 expected = canonical_pair_hash(pair);
    for (int transform = 0; transform < 8; ++transform) {
      ColourMap colours = kSameColours;
      std::shuffle(colours.begin() + 1, colours.end(), random);
      EXPECT_EQ(canonical_pair_hash(augmented_pair(pair, transform, colours)), expected);
    }
  }
}

TEST(CanonicalPairHash, DiffersForOtherPairs) {
  const Pair pair{{1, 3, {1, 2, 0}}, {1, 1, {1}}};
  const Pair black_swapped{{1, 3, {1, 0, 2}}, {1, 1, {1}}};
  const Pair input_transformed_alone{{3, 1, {1, 2, 0}}, {1, 2, {1, 1}}};
  const Pair colours_joined{{1, 3, {1, 1, 0}}, {1, 1, {1}}};
  const Pair other_output{{1, 3, {1, 2, 0}}, {1, 1, {2}}};
  for (const Pair& other : {black_swapped, input_transformed_alone, colours_joined, other_output}) {
    EXPECT_NE(canonical_pair_hash(other), canonical_pair_hash(pair));
  }
}

TEST(FindOverlaps, NamesTheTestPairAndTheFirstTrainPair) {
  const Pair seen{{1, 2, {1, 2}}, {1, 1, {3}}};
  const Pair turned = augmented_pair(seen, 1, {0, 5, 6, 7, 1, 2, 3, 4, 8, 9});
  const Pair unseen{{1, 2, {1, 1}}, {1, 1, {3}}};
  const auto overlaps = find_overlaps({{&seen, "first"}, {&seen, "second"}}, {{&unseen, "new"}, {&turned, "turned"}});
  ASSERT_EQ(overlaps.size(), 1u);
  EXPECT_EQ(overlaps[0].test, "turned");
  EXPECT_EQ(overlaps[0].train, "first");
}

}  // namespace
}  // namespace tern::puzzles
