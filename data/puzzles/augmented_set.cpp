#include "data/puzzles/augmented_set.h"

#include <algorithm>

#include "base/error.h"

namespace tern::puzzles {

namespace {

// Index i with bounds[i] <= value < bounds[i + 1].
int64_t segment_of(const std::vector<int32_t>& bounds, int64_t value) {
  return std::upper_bound(bounds.begin(), bounds.end(), value) - bounds.begin() - 1;
}

}  // namespace

AugmentedSet::Source AugmentedSet::find(int64_t row) const {
  const int64_t puzzle = segment_of(puzzle_indices, row);
  return {puzzle, segment_of(group_indices, puzzle)};
}

template <typename Token>
void AugmentedSet::make_row(int64_t row, Source source, Token* input, Token* label) const {
  const Pair& pair = base_pairs[group_pairs[source.group] + row - puzzle_indices[source.puzzle]];
  const Augmentation& augmentation = augmentations[source.puzzle];
  const Offset offset = offsets[row];
  write_token_row(transformed(pair.input, augmentation.transform), augmentation.colours, offset, input);
  write_token_row(transformed(pair.output, augmentation.transform), augmentation.colours, offset, label);
}

void AugmentedSet::read_rows(std::span<const int64_t> rows, int32_t* inputs, int32_t* labels) const {
  for (const int64_t row : rows) {
    make_row(row, find(row), inputs, labels);
    inputs += kArcSeqLen;
    labels += kArcSeqLen;
  }
}

void AugmentedSet::make_rows(int64_t first, int64_t last, uint8_t* inputs, uint8_t* labels) const {
  Source source = find(first);
  for (int64_t row = first; row < last; ++row) {
    if (row >= puzzle_indices[source.puzzle + 1]) ++source.puzzle;
    if (source.puzzle >= group_indices[source.group + 1]) ++source.group;
    make_row(row, source, inputs, labels);
    inputs += kArcSeqLen;
    labels += kArcSeqLen;
  }
}

namespace {

class SetChecker {
 public:
  SetChecker(const AugmentedSet& set, const std::string& where) : set_(set), where_(where) {}

  void check() const {
    require(set_.group_pairs.size() == set_.group_indices.size(), "group_pairs doesn't match group_indices");
    require(set_.augmentations.size() == set_.puzzle_identifiers.size(), "augmentations doesn't match the puzzles");
    require(std::ssize(set_.offsets) == set_.num_examples(), "offsets doesn't match the examples");
    require(set_.group_pairs.front() == 0 && set_.group_pairs.back() == std::ssize(set_.base_pairs),
            "group_pairs doesn't match the base pairs");
    for (const Pair& pair : set_.base_pairs) {
      check_grid(pair.input);
      check_grid(pair.output);
    }
    for (size_t group = 0; group + 1 < set_.group_pairs.size(); ++group) check_group(group);
  }

 private:
  void require(bool condition, const char* what) const {
    if (!condition) throw Error(ErrorKind::data, what, where_, "build the dataset again");
  }

  void check_grid(const Grid& grid) const {
    require(grid.rows >= 1 && grid.rows <= kMaxGridSide && grid.cols >= 1 && grid.cols <= kMaxGridSide,
            "a base grid has no valid shape");
    require(grid.cells.size() == size_t{grid.rows} * grid.cols, "a base grid doesn't match its shape");
    require(std::all_of(grid.cells.begin(), grid.cells.end(), [](uint8_t cell) { return cell < kNumColours; }),
            "a base grid holds a value outside 0-9");
  }

  void check_group(size_t group) const {
    const int32_t pairs_begin = set_.group_pairs[group];
    const int32_t num_pairs = set_.group_pairs[group + 1] - pairs_begin;
    require(num_pairs >= 1, "group_pairs is not ascending");
    for (int32_t puzzle = set_.group_indices[group]; puzzle < set_.group_indices[group + 1]; ++puzzle) {
      const int32_t first_row = set_.puzzle_indices[puzzle];
      require(set_.puzzle_indices[puzzle + 1] - first_row == num_pairs,
              "a puzzle has not as many examples as its group");
      const Augmentation& augmentation = set_.augmentations[puzzle];
      require(augmentation.transform < kNumTransforms, "a transform is outside 0-7");
      require(std::all_of(augmentation.colours.begin(), augmentation.colours.end(),
                          [](uint8_t colour) { return colour < kNumColours; }),
              "a colour map holds a value outside 0-9");
      for (int32_t i = 0; i < num_pairs; ++i) {
        const Offset offset = set_.offsets[first_row + i];
        check_fit(set_.base_pairs[pairs_begin + i].input, augmentation, offset);
        check_fit(set_.base_pairs[pairs_begin + i].output, augmentation, offset);
      }
    }
  }

  void check_fit(const Grid& grid, const Augmentation& augmentation, Offset offset) const {
    const bool swapped = swaps_sides(augmentation.transform);
    require(offset.row + (swapped ? grid.cols : grid.rows) <= kMaxGridSide &&
                offset.col + (swapped ? grid.rows : grid.cols) <= kMaxGridSide,
            "an offset moves a grid out of its field");
  }

  const AugmentedSet& set_;
  const std::string& where_;
};

}  // namespace

void check_augmented_set(const AugmentedSet& set, const std::string& where) {
  SetChecker(set, where).check();
}

}  // namespace tern::puzzles
