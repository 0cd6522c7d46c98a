#include "data/puzzles/augment.h"

#include "base/error.h"

namespace tern::puzzles {

GridView transformed(const Grid& grid, int transform) {
  const int rows = grid.rows;
  const int cols = grid.cols;
  const uint8_t* top_left = grid.cells.data();
  const uint8_t* top_right = top_left + cols - 1;
  const uint8_t* bottom_left = top_left + (rows - 1) * cols;
  const uint8_t* bottom_right = bottom_left + cols - 1;
  switch (transform) {
    case 0: return {top_left, rows, cols, cols, 1};
    case 1: return {top_right, cols, rows, -1, cols};
    case 2: return {bottom_right, rows, cols, -cols, -1};
    case 3: return {bottom_left, cols, rows, 1, -cols};
    case 4: return {top_right, rows, cols, cols, -1};
    case 5: return {bottom_left, rows, cols, -cols, 1};
    case 6: return {top_left, cols, rows, 1, cols};
    case 7: return {bottom_right, cols, rows, -1, -cols};
    default: check_failed("transform < 8", __FILE__, __LINE__, std::to_string(transform));
  }
}

std::string augmented_name(const std::string& name, const Augmentation& augmentation) {
  std::string out = name + "|||t" + std::to_string(augmentation.transform) + "|||";
  for (const uint8_t colour : augmentation.colours) out += static_cast<char>('0' + colour);
  return out;
}

}  // namespace tern::puzzles
