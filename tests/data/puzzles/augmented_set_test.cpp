#include "data/puzzles/augmented_set.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "tests/data/puzzles/arc_puzzles.h"

namespace tern::puzzles {
namespace {

// Two groups, of two pairs and of one, each as it is and in one augmentation.
AugmentedSet make_set() {
  std::mt19937 random(5);
  AugmentedSet set;
  for (const auto& [rows, cols] : {std::pair{2, 5}, {30, 1}, {7, 7}}) {
    set.base_pairs.push_back({test::random_grid(random, rows, cols, 10), test::random_grid(random, cols, rows, 10)});
  }
  set.group_pairs = {0, 2, 3};
  set.augmentations = {{}, {1, {0, 2, 3, 4, 5, 6, 7, 8, 9, 1}}, {}, {7, {0, 9, 8, 7, 6, 5, 4, 3, 2, 1}}};
  set.puzzle_identifiers = {1, 2, 3, 4};
  set.puzzle_indices = {0, 2, 4, 5, 6};
  set.group_indices = {0, 2, 4};
  set.offsets = {{0, 0}, {0, 0}, {25, 25}, {0, 0}, {3, 23}, {23, 0}};
  return set;
}

// The token row of a grid, cell by cell.
std::vector<uint8_t> plain_row(const Grid& grid, Offset offset) {
  std::vector<uint8_t> row(kArcSeqLen);
  for (int r = 0; r < kMaxGridSide; ++r) {
    for (int c = 0; c < kMaxGridSide; ++c) {
      const int y = r - offset.row;
      const int x = c - offset.col;
      const bool in_rows = y >= 0 && y < grid.rows;
      const bool in_cols = x >= 0 && x < grid.cols;
      if (in_rows && in_cols) row[r * kMaxGridSide + c] = static_cast<uint8_t>(grid.cells[y * grid.cols + x] + 2);
      if ((in_rows && x == grid.cols) || (in_cols && y == grid.rows)) row[r * kMaxGridSide + c] = 1;
    }
  }
  return row;
}

TEST(AugmentedSet, MakesRowsInRangesAndOneByOne) {
  const AugmentedSet set = make_set();
  check_augmented_set(set, "here");
  const std::vector<int> pair_of_row = {0, 1, 0, 1, 2, 2};
  const std::vector<int> puzzle_of_row = {0, 0, 1, 1, 2, 3};
  std::vector<uint8_t> expected_inputs, expected_labels;
  for (int row = 0; row < 6; ++row) {
    const auto& [transform, colours] = set.augmentations[puzzle_of_row[row]];
    const Pair& pair = set.base_pairs[pair_of_row[row]];
    for (const auto& [grid, out] : {std::pair{&pair.input, &expected_inputs}, {&pair.output, &expected_labels}}) {
      const auto tokens = plain_row(test::augmented_plainly(*grid, transform, colours), set.offsets[row]);
      out->insert(out->end(), tokens.begin(), tokens.end());
    }
  }
  for (int first = 0; first < 6; ++first) {
    for (int last = first + 1; last <= 6; ++last) {
      const size_t size = (last - first) * kArcSeqLen;
      std::vector<uint8_t> inputs(size), labels(size);
      set.make_rows(first, last, inputs.data(), labels.data());
      EXPECT_TRUE(std::equal(inputs.begin(), inputs.end(), expected_inputs.begin() + first * kArcSeqLen));
      EXPECT_TRUE(std::equal(labels.begin(), labels.end(), expected_labels.begin() + first * kArcSeqLen));
    }
  }
  const std::vector<int64_t> order = {5, 0, 3, 3};
  std::vector<int32_t> inputs(order.size() * kArcSeqLen), labels(inputs.size());
  set.read_rows(order, inputs.data(), labels.data());
  for (size_t i = 0; i < order.size(); ++i) {
    EXPECT_TRUE(std::equal(&inputs[i * kArcSeqLen], &inputs[i * kArcSeqLen] + kArcSeqLen,
                           &expected_inputs[order[i] * kArcSeqLen]));
    EXPECT_TRUE(std::equal(&labels[i * kArcSeqLen], &labels[i * kArcSeqLen] + kArcSeqLen,
                           &expected_labels[order[i] * kArcSeqLen]));
  }
}

TEST(AugmentedSet, CheckFindsEveryMisfit) {
  const auto error_after = [](const std::function<void(AugmentedSet&)>& damage) -> std::string {
    AugmentedSet set = make_set();
    damage(set);
    try {
      check_augmented_set(set, "here");
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::data);
      const std::string text = e.what();
      EXPECT_TRUE(text.ends_with(", here, build the dataset again")) << text;
      return text.substr(0, text.find(','));
    }
    return "no error";
  };
  EXPECT_EQ(error_after([](AugmentedSet&) {}), "no error");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.base_pairs[0].input.rows = 0; }), "a base grid has no valid shape");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.base_pairs[1].output.cols = 31; }), "a base grid has no valid shape");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.base_pairs[2].input.cells.pop_back(); }),
            "a base grid doesn't match its shape");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.base_pairs[2].output.cells[0] = 10; }),
            "a base grid holds a value outside 0-9");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.augmentations[3].transform = 8; }), "a transform is outside 0-7");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.augmentations[3].colours[9] = 10; }),
            "a colour map holds a value outside 0-9");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.augmentations.pop_back(); }),
            "augmentations doesn't match the puzzles");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.offsets.pop_back(); }), "offsets doesn't match the examples");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.offsets[2].row = 26; }), "an offset moves a grid out of its field");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.offsets[4].col = 24; }), "an offset moves a grid out of its field");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.group_pairs = {0, 3}; }), "group_pairs doesn't match group_indices");
  EXPECT_EQ(error_after([](AugmentedSet& s) {
              s.group_pairs = {0, 2, 4};
            }),
            "group_pairs doesn't match the base pairs");
  EXPECT_EQ(error_after([](AugmentedSet& s) { s.group_pairs = {0, 0, 3}; }), "group_pairs is not ascending");
  EXPECT_EQ(error_after([](AugmentedSet& s) {
              s.group_pairs = {0, 1, 3};
            }),
            "a puzzle has not as many examples as its group");
}

}  // namespace
}  // namespace tern::puzzles
