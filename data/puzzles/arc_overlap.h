// Finds held-out test pairs that a model could have seen in training: pairs equal to a training pair after one of the
// eight symmetries and a recolouring, the same changes that augmentation makes (black stays black).
//
// Training and test puzzles share nothing else by design: a test puzzle's own demonstration pairs are training data.
#pragma once

#include <string>
#include <vector>

#include "data/puzzles/augment_hash.h"

namespace tern::puzzles {

// The same for two pairs just when some symmetry and some permutation of the colours 1-9 turn one into the other: the
// smallest of the eight hashes of the transformed pair with its colours numbered in order of first appearance.
[[nodiscard]] Hash128 canonical_pair_hash(const Pair& pair);

// A pair that stands in the base (unaugmented) data.
struct NamedPair {
  const Pair* pair;
  std::string name;  // "puzzle 00576224, test pair 1"
};

struct Overlap {
  std::string test;
  std::string train;  // the first training pair that it equals
};

// One entry per test pair that also occurs among the training pairs, in the order of test_pairs.
[[nodiscard]] std::vector<Overlap> find_overlaps(const std::vector<NamedPair>& train_pairs,
                                                 const std::vector<NamedPair>& test_pairs);

}  // namespace tern::puzzles
