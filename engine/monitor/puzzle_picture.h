// A puzzle as a picture: input, target and prediction side by side, wrong cells outlined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tern {

// cells: rows * cols values, row by row. An empty grid (0 x 0) is drawn as "none".
struct Grid {
  int rows = 0;
  int cols = 0;
  std::vector<uint8_t> cells = {};

  friend bool operator==(const Grid&, const Grid&) = default;
};

enum class GridStyle {
  colours,  // ARC's ten colours; a value above 9 is a number on grey
  digits,   // numbers on white, 0 left blank (Sudoku; 9 x 9 gets its boxes)
};

struct PuzzlePicture {
  std::string title = {};  // "00576224"
  Grid input = {};
  Grid target = {};
  Grid prediction = {};
  bool correct = false;
  GridStyle style = GridStyle::colours;
};

// HTML <figure> with three inline SVGs; needs the report's style sheet for its layout, not for its colours. A grid
// whose cells don't match its size is a defect of the caller (std::logic_error).
[[nodiscard]] std::string puzzle_picture_html(const PuzzlePicture& picture);

// The pictures as JSON and back, so that a resumed run's report still shows the ones of its last evaluation. Parsing
// throws Error(data) naming `where`.
[[nodiscard]] std::string pictures_to_json(const std::vector<PuzzlePicture>& pictures);
[[nodiscard]] std::vector<PuzzlePicture> pictures_from_json(const std::string& json, const std::string& where);

}  // namespace tern
