// ARC grids and the token rows that models see.
#pragma once

#include <cstdint>
#include <vector>

namespace tern::puzzles {

inline constexpr int kMaxGridSide = 30;
inline constexpr int kNumColours = 10;
inline constexpr int kArcSeqLen = kMaxGridSide * kMaxGridSide;

// Tokens of a row: 0 nothing, 1 the border right of and below the grid (end of sequence), 2 + colour for a cell.
inline constexpr int kPadToken = 0;
inline constexpr int kEosToken = 1;
inline constexpr int kFirstColourToken = 2;
inline constexpr int kArcVocabSize = kFirstColourToken + kNumColours;

// 1-30 rows and columns, cells row by row, each a colour 0-9.
struct Grid {
  uint8_t rows = 0;
  uint8_t cols = 0;
  std::vector<uint8_t> cells;

  friend bool operator==(const Grid&, const Grid&) = default;
};

struct Pair {
  Grid input;
  Grid output;

  friend bool operator==(const Pair&, const Pair&) = default;
};

}  // namespace tern::puzzles
