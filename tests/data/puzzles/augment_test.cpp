#include "data/puzzles/augment.h"

#include <gtest/gtest.h>

#include <set>

#include "data/puzzles/augment_hash.h"
#include "tests/data/puzzles/arc_puzzles.h"

namespace tern::puzzles {
namespace {

using test::augmented_plainly;
using test::random_grid;

Grid materialise(const GridView& view) {
  Grid grid{static_cast<uint8_t>(view.rows), static_cast<uint8_t>(view.cols), {}};
  for (int r = 0; r < view.rows; ++r) {
    for (int c = 0; c < view.cols; ++c) grid.cells.push_back(view.at(r, c));
  }
  return grid;
}

// dataset.common.dihedral_transform(np.arange(6).reshape(2, 3), t).
TEST(Augment, TransformsAreUpstreams) {
  const Grid grid{2, 3, {0, 1, 2, 3, 4, 5}};
  const std::array<Grid, 8> expected = {{{2, 3, {0, 1, 2, 3, 4, 5}},
                                         {3, 2, {2, 5, 1, 4, 0, 3}},
                                         {2, 3, {5, 4, 3, 2, 1, 0}},
                                         {3, 2, {3, 0, 4, 1, 5, 2}},
                                         {2, 3, {2, 1, 0, 5, 4, 3}},
                                         {2, 3, {3, 4, 5, 0, 1, 2}},
                                         {3, 2, {0, 3, 1, 4, 2, 5}},
                                         {3, 2, {5, 2, 4, 1, 3, 0}}}};
  for (int transform = 0; transform < 8; ++transform) {
    EXPECT_EQ(materialise(transformed(grid, transform)), expected[transform]) << transform;
    EXPECT_EQ(augmented_plainly(grid, transform, kSameColours), expected[transform]) << transform;
    EXPECT_EQ(swaps_sides(transform), expected[transform].rows == 3) << transform;
  }
}

TEST(Augment, NamesAreUpstreams) {
  EXPECT_EQ(augmented_name("00576224", {3, {0, 9, 8, 7, 6, 5, 4, 3, 2, 1}}), "00576224|||t3|||0987654321");
}

std::vector<uint8_t> token_row(const Grid& grid, Offset offset) {
  std::vector<uint8_t> row(kArcSeqLen);
  write_token_row(transformed(grid, 0), kSameColours, offset, row.data());
  return row;
}

TEST(Augment, TokenRowHasCellsAndBorder) {
  const std::vector<uint8_t> row = token_row({1, 2, {0, 9}}, {3, 4});
  std::vector<uint8_t> expected(kArcSeqLen);
  expected[3 * 30 + 4] = 2;
  expected[3 * 30 + 5] = 11;
  expected[3 * 30 + 6] = 1;
  expected[4 * 30 + 4] = expected[4 * 30 + 5] = 1;
  EXPECT_EQ(row, expected);
}

TEST(Augment, GridAtTheEdgeHasNoBorderThere) {
  const std::vector<uint8_t> row = token_row({1, 1, {5}}, {29, 29});
  EXPECT_EQ(row[899], 7);
  EXPECT_EQ(std::count(row.begin(), row.end(), 0), 899);

  const Grid full{30, 30, std::vector<uint8_t>(900, 1)};
  EXPECT_EQ(token_row(full, {0, 0}), std::vector<uint8_t>(900, 3));
}

// Two augmentations of a puzzle must have equal hashes just when they give the same pairs in some order. Small grids,
// few colours and repeated pairs make many such coincidences.
TEST(AugmentationHasher, AgreesWithComparingThePairs) {
  std::mt19937 random(1);
  for (int puzzle = 0; puzzle < 60; ++puzzle) {
    std::vector<Pair> pairs;
    const int num_pairs = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < num_pairs; ++i) {
      pairs.push_back({random_grid(random, 1 + random() % 2, 1 + random() % 2, 1 + puzzle % 4),
                       random_grid(random, 1 + random() % 2, 1 + random() % 2, 1 + puzzle % 4)});
    }
    if (puzzle % 3 == 0) pairs.push_back(pairs[0]);
    std::vector<const Pair*> pointers;
    for (const Pair& pair : pairs) pointers.push_back(&pair);
    const AugmentationHasher hash(pointers);

    std::map<std::multiset<std::vector<uint8_t>>, Hash128> hash_of_content;
    std::set<Hash128> hashes;
    for (int trial = 0; trial < 200; ++trial) {
      Augmentation augmentation;
      augmentation.transform = static_cast<uint8_t>(random() % 8);
      std::shuffle(augmentation.colours.begin() + 1, augmentation.colours.end(), random);
      std::multiset<std::vector<uint8_t>> content;
      for (const Pair& pair : pairs) {
        std::vector<uint8_t> bytes;
        for (const Grid* grid : {&pair.input, &pair.output}) {
          const Grid changed = augmented_plainly(*grid, augmentation.transform, augmentation.colours);
          bytes.insert(bytes.end(), {changed.rows, changed.cols});
          bytes.insert(bytes.end(), changed.cells.begin(), changed.cells.end());
        }
        content.insert(bytes);
      }
      const Hash128 found = hash(augmentation);
      hashes.insert(found);
      EXPECT_EQ(hash_of_content.try_emplace(content, found).first->second, found) << "equal puzzles, unequal hashes";
    }
    EXPECT_EQ(hashes.size(), hash_of_content.size()) << "unequal puzzles, equal hashes";
  }
}

// Pairs that exchange their outputs are another puzzle, although every grid is still there.
TEST(AugmentationHasher, KeepsInputsAndOutputsTogether) {
  const Grid a{1, 1, {1}}, b{1, 1, {2}}, c{1, 1, {3}}, d{1, 1, {4}};
  const Pair ab{a, b}, cd{c, d}, ad{a, d}, cb{c, b};
  EXPECT_NE(AugmentationHasher({&ab, &cd})({}), AugmentationHasher({&ad, &cb})({}));
  EXPECT_EQ(AugmentationHasher({&ab, &cd})({}), AugmentationHasher({&cd, &ab})({}));
}

}  // namespace
}  // namespace tern::puzzles
