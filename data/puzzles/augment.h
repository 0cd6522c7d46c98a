// ARC augmentation: one of the eight symmetries of the square, and a permutation of the colours 1-9 (black stays).
// Numbering and names are upstream's (dataset/common.py: dihedral_transform; build_arc_dataset.py: aug).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "data/puzzles/grid.h"

namespace tern::puzzles {

inline constexpr int kNumTransforms = 8;

using ColourMap = std::array<uint8_t, kNumColours>;  // new colour of each old colour
inline constexpr ColourMap kSameColours = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

struct Augmentation {
  uint8_t transform = 0;
  ColourMap colours = kSameColours;

  friend bool operator==(const Augmentation&, const Augmentation&) = default;
};

// True for the transforms that exchange rows and columns.
[[nodiscard]] constexpr bool swaps_sides(int transform) {
  return transform == 1 || transform == 3 || transform == 6 || transform == 7;
}

// A grid as it looks after a transform, without moving a cell: cell (r, c) is origin[r * row_stride + c * col_stride].
// Borrows the grid's cells.
struct GridView {
  const uint8_t* origin;
  int rows;
  int cols;
  int row_stride;
  int col_stride;

  [[nodiscard]] uint8_t at(int r, int c) const { return origin[r * row_stride + c * col_stride]; }
};

// Transforms: 0 none, 1-3 turn left by 90, 180, 270 degrees, 4 mirror left-right, 5 mirror up-down, 6 transpose,
// 7 anti-transpose.
[[nodiscard]] GridView transformed(const Grid& grid, int transform);

// Upstream's identifier of an augmented puzzle: NAME|||t3|||0123456789.
[[nodiscard]] std::string augmented_name(const std::string& name, const Augmentation& augmentation);

// Where the top left corner of both grids of a pair lies in its 30 x 30 field.
struct Offset {
  uint8_t row = 0;
  uint8_t col = 0;
};

// Writes the token row (kArcSeqLen values) of a recoloured grid placed at offset. The grid must fit there.
template <typename Token>
void write_token_row(const GridView& grid, const ColourMap& colours, Offset offset, Token* row) {
  std::array<Token, kNumColours> tokens;
  for (int colour = 0; colour < kNumColours; ++colour) {
    tokens[colour] = static_cast<Token>(colours[colour] + kFirstColourToken);
  }
  std::fill_n(row, kArcSeqLen, Token{kPadToken});
  Token* corner = row + offset.row * kMaxGridSide + offset.col;
  const bool border_right = offset.col + grid.cols < kMaxGridSide;
  for (int r = 0; r < grid.rows; ++r) {
    const uint8_t* from = grid.origin + r * grid.row_stride;
    Token* to = corner + r * kMaxGridSide;
    for (int c = 0; c < grid.cols; ++c) to[c] = tokens[from[c * grid.col_stride]];
    if (border_right) to[grid.cols] = Token{kEosToken};
  }
  if (offset.row + grid.rows < kMaxGridSide) {
    std::fill_n(corner + grid.rows * kMaxGridSide, grid.cols, Token{kEosToken});
  }
}

}  // namespace tern::puzzles
