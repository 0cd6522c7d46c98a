// Puzzles for tests: small made-up ones, and the recorded ARC files.
#pragma once

#include <filesystem>
#include <random>
#include <string>

#include "data/puzzles/arc_json.h"

namespace tern::puzzles::test {

// Unpacks the recorded puzzles of the named subsets into folder and returns the --input-file-prefix for them.
std::string unpack_arc_puzzles(const std::filesystem::path& folder, const std::vector<std::string>& subsets);

// A grid of the given shape with random colours of the first num_colours.
Grid random_grid(std::mt19937& random, int rows, int cols, int num_colours);

// The grid as it looks after an augmentation, by the shortest code: numpy's definitions, cell by cell.
Grid augmented_plainly(const Grid& grid, int transform, const std::array<uint8_t, 10>& colours);

}  // namespace tern::puzzles::test
