// From a model's token row back to the grid that it shows.
#pragma once

#include <cstdint>
#include <span>

#include "data/puzzles/augment.h"
#include "data/puzzles/grid.h"

namespace tern::puzzles {

// The largest rectangle of colours that begins in the top left corner, as upstream's evaluator finds it (evaluators/
// arc.py, _crop): the first of the largest area, searched from one row downwards; every token that isn't a colour ends
// it. No rows and no columns when the first token isn't a colour. tokens has kArcSeqLen values.
[[nodiscard]] Grid crop(std::span<const int32_t> tokens);

// The grid as it was before the augmentation. Grids without cells stay as they are.
[[nodiscard]] Grid undo(const Augmentation& augmentation, const Grid& grid);

}  // namespace tern::puzzles
