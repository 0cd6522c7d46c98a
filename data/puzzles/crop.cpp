#include "data/puzzles/crop.h"

#include <array>

#include "base/error.h"

namespace tern::puzzles {

namespace {

constexpr std::array<int, kNumTransforms> kInverseTransform = {0, 3, 2, 1, 4, 5, 6, 7};

bool is_colour(int32_t token) {
  return token >= kFirstColourToken && token < kFirstColourToken + kNumColours;
}

}  // namespace

Grid crop(std::span<const int32_t> tokens) {
  TERN_CHECK(tokens.size() == kArcSeqLen, "token row of " + std::to_string(tokens.size()));
  int best_rows = 0;
  int best_cols = 0;
  int cols = kMaxGridSide;  // of the rectangle of the rows so far
  for (int rows = 1; rows <= kMaxGridSide && cols > 0; ++rows) {
    const int32_t* row = tokens.data() + (rows - 1) * kMaxGridSide;
    int colours = 0;
    while (colours < cols && is_colour(row[colours])) ++colours;
    cols = colours;
    if (rows * cols > best_rows * best_cols) {
      best_rows = rows;
      best_cols = cols;
    }
  }
  Grid grid{static_cast<uint8_t>(best_rows), static_cast<uint8_t>(best_cols), {}};
  grid.cells.reserve(static_cast<size_t>(best_rows * best_cols));
  for (int r = 0; r < best_rows; ++r) {
    for (int c = 0; c < best_cols; ++c) {
      grid.cells.push_back(static_cast<uint8_t>(tokens[static_cast<size_t>(r * kMaxGridSide + c)] - kFirstColourToken));
    }
  }
  return grid;
}

Grid undo(const Augmentation& augmentation, const Grid& grid) {
  if (grid.cells.empty()) return grid;
  ColourMap original{};
  for (uint8_t colour = 0; colour < kNumColours; ++colour) original[augmentation.colours[colour]] = colour;
  const GridView view = transformed(grid, kInverseTransform[augmentation.transform]);
  Grid out{static_cast<uint8_t>(view.rows), static_cast<uint8_t>(view.cols), {}};
  out.cells.reserve(grid.cells.size());
  for (int r = 0; r < view.rows; ++r) {
    for (int c = 0; c < view.cols; ++c) out.cells.push_back(original[view.at(r, c)]);
  }
  return out;
}

}  // namespace tern::puzzles
