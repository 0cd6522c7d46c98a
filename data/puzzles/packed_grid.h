// A grid in as few bytes as it takes, for tables of many.
#pragma once

#include <string>
#include <string_view>

#include "data/puzzles/grid.h"

namespace tern::puzzles {

// Rows, columns, then two cells a byte: at most 452 bytes. Equal grids give equal strings and the other way round.
[[nodiscard]] std::string pack(const Grid& grid);

// Throws Error(checkpoint) for a string that pack doesn't make.
[[nodiscard]] Grid unpack(std::string_view packed);

}  // namespace tern::puzzles
