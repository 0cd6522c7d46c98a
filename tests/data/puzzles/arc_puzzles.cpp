#include "tests/data/puzzles/arc_puzzles.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <cstring>
#include <fstream>

#include "base/file.h"

namespace tern::puzzles::test {

namespace {

// gzip keeps the size of its content in the last four bytes.
std::string gunzip(const std::string& packed) {
  uint32_t size = 0;
  std::memcpy(&size, packed.data() + packed.size() - 4, 4);
  std::string out(size, '\0');
  libdeflate_decompressor* decompressor = libdeflate_alloc_decompressor();
  EXPECT_EQ(libdeflate_gzip_decompress(decompressor, packed.data(), packed.size(), out.data(), size, nullptr),
            LIBDEFLATE_SUCCESS);
  libdeflate_free_decompressor(decompressor);
  return out;
}

// rot90 of numpy: a quarter turn to the left.
Grid rot90(const Grid& in) {
  Grid out{in.cols, in.rows, std::vector<uint8_t>(in.cells.size())};
  for (int r = 0; r < out.rows; ++r) {
    for (int c = 0; c < out.cols; ++c) out.cells[r * out.cols + c] = in.cells[c * in.cols + in.cols - 1 - r];
  }
  return out;
}

Grid fliplr(const Grid& in) {
  Grid out = in;
  for (int r = 0; r < in.rows; ++r) {
    for (int c = 0; c < in.cols; ++c) out.cells[r * in.cols + c] = in.cells[r * in.cols + in.cols - 1 - c];
  }
  return out;
}

}  // namespace

std::string unpack_arc_puzzles(const std::filesystem::path& folder, const std::vector<std::string>& subsets) {
  for (const std::string& subset : subsets) {
    for (const char* part : {"challenges", "solutions"}) {
      const std::string name = "arc-agi_" + subset + "_" + part + ".json";
      std::ofstream(folder / name) << gunzip(
          read_file(std::filesystem::path(TERN_TEST_REFERENCE) / "arc/json" / (name + ".gz")));
    }
  }
  return (folder / "arc-agi").string();
}

Grid random_grid(std::mt19937& random, int rows, int cols, int num_colours) {
  Grid grid{static_cast<uint8_t>(rows), static_cast<uint8_t>(cols), {}};
  for (int i = 0; i < rows * cols; ++i) grid.cells.push_back(static_cast<uint8_t>(random() % num_colours));
  return grid;
}

Grid augmented_plainly(const Grid& grid, int transform, const std::array<uint8_t, 10>& colours) {
  Grid out = grid;
  for (uint8_t& cell : out.cells) cell = colours[cell];
  switch (transform) {
    case 1: return rot90(out);
    case 2: return rot90(rot90(out));
    case 3: return rot90(rot90(rot90(out)));
    case 4: return fliplr(out);
    case 5: return fliplr(rot90(rot90(out)));         // flipud
    case 6: return fliplr(rot90(rot90(rot90(out))));  // transpose
    case 7: return fliplr(rot90(out));
    default: return out;
  }
}

}  // namespace tern::puzzles::test
