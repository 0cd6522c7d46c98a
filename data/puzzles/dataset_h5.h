// Datasets in one HDF5 file, in two kinds told apart by the root attribute "format":
//   "tern-puzzles"       materialised: inputs and labels as rows, chunked and deflated
//   "tern-puzzles-lazy"  base grids and an augmentation table; rows are made as they are read
// Both hold the texts identifiers.json, test_puzzles.json and <split>/dataset.json as byte arrays, and the index arrays
// <split>/<set>/{puzzle_identifiers,puzzle_indices,group_indices} as int32. The layout is written down in h5_layout.h.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "data/puzzles/dataset.h"

namespace tern::puzzles {

// The .h5 file that a dataset path means: the path itself where it is a regular file, PATH/dataset.h5 where that
// exists, nothing otherwise (a folder of npy files, or no dataset at all).
[[nodiscard]] std::optional<std::filesystem::path> find_h5_dataset(const std::filesystem::path& path);

// Opens a split of either kind. Everything is checked here; a damaged, truncated or inconsistent file throws
// Error(data) naming file and array. The sets may be read from several threads.
[[nodiscard]] Split open_h5_split(const std::filesystem::path& file, const std::string& split);

// A text stored in the file, by name: "identifiers.json", "test_puzzles.json", "train/dataset.json".
[[nodiscard]] std::string read_h5_text(const std::filesystem::path& file, const std::string& name);

}  // namespace tern::puzzles
