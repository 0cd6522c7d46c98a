// Checks of an opened set that hold for every container.
#pragma once

#include <string>

#include "data/puzzles/dataset.h"

namespace tern::puzzles {

// Throws Error(data), naming where, unless puzzle_indices and group_indices begin at 0, never descend and end at the
// number of examples and puzzles, and every identifier is below metadata.num_puzzle_identifiers.
void check_index_arrays(const PuzzleSet& set, int64_t num_examples, const Metadata& metadata, const std::string& where);

}  // namespace tern::puzzles
