// Reads ARC puzzles in the Kaggle layout: PREFIX_SUBSET_challenges.json and PREFIX_SUBSET_solutions.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/puzzles/grid.h"

namespace tern::puzzles {

// The pairs under one key of a puzzle, "train" or "test".
struct ArcPart {
  bool is_test = false;
  std::vector<Pair> pairs;
};

struct ArcPuzzle {
  std::string name;
  std::vector<ArcPart> parts;  // in the order of the puzzle's keys in the file, which the order of examples follows
  std::string json;            // the puzzle with its solutions filled in, as Python's json.dump writes it
};

struct ArcSubset {
  std::vector<ArcPuzzle> puzzles;  // in file order
  bool has_solutions = true;       // false: outputs that are missing were filled with the dummy [[0]], as upstream does
};

// One JSON text and the file it came from, for error messages.
struct ArcSource {
  std::string_view text;
  std::string file;
};

// Throws Error(data) naming file and puzzle for broken JSON, a puzzle without "test", a missing, surplus or unreadable
// solution, and a grid that isn't rectangular, is empty or larger than 30, or holds anything but whole numbers 0-9.
[[nodiscard]] ArcSubset parse_arc_subset(const ArcSource& challenges, const std::optional<ArcSource>& solutions);

// Reads both files of a subset. A missing solutions file is allowed; a missing challenges file throws Error(data).
[[nodiscard]] ArcSubset load_arc_subset(const std::string& prefix, const std::string& subset);

}  // namespace tern::puzzles
