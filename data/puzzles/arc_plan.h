// Everything random about an ARC dataset, decided before a single row is made.
//
// The draws must come in upstream's order from one generator: per subset the shuffle of its puzzles, then per puzzle
// its augmentations with re-draws of duplicates; after all subsets, per split and puzzle the example that stays in the
// corner and the offsets of the others. They take well under a second; making and writing the rows is the other step.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/puzzles/arc_json.h"
#include "data/puzzles/arc_overlap.h"
#include "data/puzzles/augmented_set.h"

namespace tern::puzzles {

// Options with upstream's names and defaults.
struct ArcPlanOptions {
  std::string input_file_prefix;
  std::vector<std::string> subsets;
  std::string test_set_name;
  std::string test_set_name2 = "your_test_set";
  uint32_t seed = 42;
  int64_t num_aug = 1000;
  int64_t puzzle_identifiers_start = 1;  // above 1 leaves room for the puzzles of other datasets
};

struct ArcSplit {
  std::string name;  // train or test
  Metadata metadata;
  AugmentedSet set;  // the split's only set, "all"
};

struct ArcPlan {
  std::vector<ArcSplit> splits;  // train, then test if a test subset was given
  std::string identifiers_json;
  std::string test_puzzles_json;
  std::vector<Overlap> overlaps;               // held-out pairs that also occur in train
  int64_t num_test_pairs = 0;                  // held-out pairs before augmentation
  int64_t puzzles_short_of_augmentations = 0;  // fewer distinct augmentations found than asked for
};

struct ArcPlanHooks {
  std::function<void(const std::string& message)> warn;
  std::function<void(const std::string& subset, int64_t done, int64_t total)> progress;  // may throw to cancel
};

// Throws Error(data) for everything that arc_json.h lists, and for a split in which a puzzle has no pairs.
[[nodiscard]] ArcPlan plan_arc_dataset(const ArcPlanOptions& options, const ArcPlanHooks& hooks);

}  // namespace tern::puzzles
