// libFuzzer target: whatever the bytes, the ARC reader either reads puzzles whose grids are valid or throws
// Error(data).
#include <cstdlib>

#include "base/error.h"
#include "data/puzzles/arc_json.h"

namespace {

bool valid(const tern::puzzles::Grid& grid) {
  if (grid.rows < 1 || grid.rows > 30 || grid.cols < 1 || grid.cols > 30) return false;
  if (grid.cells.size() != size_t{grid.rows} * grid.cols) return false;
  for (const uint8_t cell : grid.cells) {
    if (cell > 9) return false;
  }
  return true;
}

}  // namespace

// The input is challenges, a zero byte, and solutions; without the zero byte there is no solutions file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tern::puzzles;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t cut = text.find('\0');
  std::optional<ArcSource> solutions;
  if (cut != std::string_view::npos) solutions = ArcSource{text.substr(cut + 1), "solutions"};
  try {
    for (const ArcPuzzle& puzzle : parse_arc_subset({text.substr(0, cut), "challenges"}, solutions).puzzles) {
      for (const ArcPart& part : puzzle.parts) {
        for (const Pair& pair : part.pairs) {
          if (!valid(pair.input) || !valid(pair.output)) std::abort();
        }
      }
    }
  } catch (const tern::Error& error) {
    if (error.kind() != tern::ErrorKind::data) std::abort();
  }
  return 0;
}
