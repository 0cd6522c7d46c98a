// A set of ARC examples as base pairs and an augmentation table: what arc_build draws, what a lazy dataset stores, and
// what the rows of every container are made from. 960 puzzles x 1000 augmentations take 40 MB instead of 6.8 GB.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/puzzles/augment.h"
#include "data/puzzles/dataset.h"

namespace tern::puzzles {

class AugmentedSet : public PuzzleSet {
 public:
  // Group g is made of base pairs [group_pairs[g], group_pairs[g + 1]); each of its puzzles shows all of them, in
  // order, augmented in the puzzle's way.
  std::vector<Pair> base_pairs;
  std::vector<int32_t> group_pairs;
  std::vector<Augmentation> augmentations;  // per puzzle
  std::vector<Offset> offsets;              // per example

  void read_rows(std::span<const int64_t> rows, int32_t* inputs, int32_t* labels) const override;

  // Makes the rows [first, last) as bytes, as the containers store them: inputs and labels, each
  // (last - first) x kArcSeqLen.
  void make_rows(int64_t first, int64_t last, uint8_t* inputs, uint8_t* labels) const;

 private:
  // Where an example comes from.
  struct Source {
    int64_t puzzle;
    int64_t group;
  };
  [[nodiscard]] Source find(int64_t row) const;

  template <typename Token>
  void make_row(int64_t row, Source source, Token* input, Token* label) const;
};

// Throws Error(data), naming where, unless all parts of the set fit together and every row can be made from them.
void check_augmented_set(const AugmentedSet& set, const std::string& where);

}  // namespace tern::puzzles
