#include "data/puzzles/packed_grid.h"

#include "base/error.h"

namespace tern::puzzles {

std::string pack(const Grid& grid) {
  std::string packed(2 + (grid.cells.size() + 1) / 2, '\0');
  packed[0] = static_cast<char>(grid.rows);
  packed[1] = static_cast<char>(grid.cols);
  for (size_t i = 0; i < grid.cells.size(); ++i) {
    char& byte = packed[2 + i / 2];
    byte = static_cast<char>(byte | grid.cells[i] << (i % 2 * 4));
  }
  return packed;
}

Grid unpack(std::string_view packed) {
  const auto damaged = [] { throw Error(ErrorKind::checkpoint, "a saved grid is damaged"); };
  if (packed.size() < 2) damaged();
  Grid grid{static_cast<uint8_t>(packed[0]), static_cast<uint8_t>(packed[1]), {}};
  if (grid.rows > kMaxGridSide || grid.cols > kMaxGridSide) damaged();
  grid.cells.resize(size_t{grid.rows} * grid.cols);
  if (packed.size() != 2 + (grid.cells.size() + 1) / 2) damaged();
  for (size_t i = 0; i < grid.cells.size(); ++i) {
    grid.cells[i] = static_cast<uint8_t>(static_cast<uint8_t>(packed[2 + i / 2]) >> (i % 2 * 4) & 0xf);
    if (grid.cells[i] >= kNumColours) damaged();
  }
  return grid;
}

}  // namespace tern::puzzles
