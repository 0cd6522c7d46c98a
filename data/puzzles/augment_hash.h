// Tells whether two augmentations of a puzzle give the same puzzle, without making either.
//
// Upstream hashes the sorted SHA-256 strings of all (input, output) pairs of every augmented copy. Two such hashes are
// equal just when the copies hold the same pairs in any order, and that is what is kept here. A recoloured pair is
// "which cells have colour m(c)" for each of its colours c, so its hash is put together from one hash per (colour,
// new colour), looked up in a table that is made once per transform; the puzzle's hash is the sum over its pairs.
#pragma once

#include <cstdint>
#include <vector>

#include "data/puzzles/augment.h"
#include "data/puzzles/hash128.h"

namespace tern::puzzles {

// 128 bits: among the 5000 copies that are ever compared with each other a false match has a chance below 1e-31.
class AugmentationHasher {
 public:
  // pairs: all of a puzzle's pairs, in any order.
  explicit AugmentationHasher(const std::vector<const Pair*>& pairs);

  [[nodiscard]] Hash128 operator()(const Augmentation& augmentation) const;

 private:
  // One pair under one transform.
  struct PairTable {
    std::vector<uint8_t> colours;                           // colours that occur in the pair
    std::vector<std::array<Hash128, kNumColours>> becomes;  // [index in colours][new colour]
  };

  static PairTable make_table(const Pair& pair, int transform);

  std::array<std::vector<PairTable>, kNumTransforms> tables_;
};

}  // namespace tern::puzzles
