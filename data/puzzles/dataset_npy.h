// The npy container: a folder with <split>/dataset.json and <split>/<set>__<array>.npy, as upstream's builders write
// it.
#pragma once

#include <filesystem>
#include <string>

#include "data/puzzles/dataset.h"

namespace tern::puzzles {

// Opens a split; its inputs and labels stay memory-mapped. They may have any integer type; tokens that don't fit int32
// are read as INT32_MAX, which no vocabulary holds. Throws Error(data) naming the file that is missing, truncated, of
// the wrong type or shape, or inconsistent with the others.
[[nodiscard]] Split open_npy_split(const std::filesystem::path& folder, const std::string& split);

}  // namespace tern::puzzles
