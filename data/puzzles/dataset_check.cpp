#include "data/puzzles/dataset_check.h"

#include <algorithm>

#include "base/error.h"

namespace tern::puzzles {

namespace {

[[noreturn]] void fail(const std::string& what, const std::string& where) {
  throw Error(ErrorKind::data, what, where, "build the dataset again");
}

void check_bounds(const std::vector<int32_t>& bounds, int64_t end, const std::string& name, const std::string& where) {
  if (bounds.empty() || bounds.front() != 0) fail(name + " doesn't begin with 0", where);
  if (!std::is_sorted(bounds.begin(), bounds.end())) fail(name + " is not ascending", where);
  if (bounds.back() != end) {
    fail(name + " ends at " + std::to_string(bounds.back()) + " instead of " + std::to_string(end), where);
  }
}

}  // namespace

void check_index_arrays(const PuzzleSet& set, int64_t num_examples, const Metadata& metadata,
                        const std::string& where) {
  check_bounds(set.puzzle_indices, num_examples, "puzzle_indices", where);
  check_bounds(set.group_indices, std::ssize(set.puzzle_identifiers), "group_indices", where);
  if (set.puzzle_indices.size() != set.puzzle_identifiers.size() + 1) {
    fail("puzzle_indices doesn't match puzzle_identifiers", where);
  }
  for (const int32_t identifier : set.puzzle_identifiers) {
    if (identifier >= 0 && identifier < metadata.num_puzzle_identifiers) continue;
    fail("puzzle identifier " + std::to_string(identifier) + " is outside 0-" +
             std::to_string(metadata.num_puzzle_identifiers - 1),
         where);
  }
}

}  // namespace tern::puzzles
