// One description of several datasets that are loaded together.
#pragma once

#include <filesystem>
#include <vector>

#include "data/puzzles/dataset.h"

namespace tern::puzzles {

// As upstream merges them: sequence length, vocabulary, special ids, set names and the number of puzzle identifiers
// must be equal; groups and puzzles add up, the mean of examples is weighted by puzzles, and the numbers of puzzle
// identifiers add up too (so embeddings have room for each dataset's range). Throws Error(data) naming the key and
// both datasets where they differ. all isn't empty and as long as paths.
[[nodiscard]] Metadata merge_metadata(const std::vector<Metadata>& all,
                                      const std::vector<std::filesystem::path>& paths);

}  // namespace tern::puzzles
