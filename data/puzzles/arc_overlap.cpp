#include "data/puzzles/arc_overlap.h"

#include <algorithm>
#include <unordered_map>

namespace tern::puzzles {

namespace {

// Appends shape and cells, colours numbered as they first appear; black is always 0.
class CanonicalColours {
 public:
  void append(const GridView& grid, std::vector<uint8_t>& out) {
    out.push_back(static_cast<uint8_t>(grid.rows));
    out.push_back(static_cast<uint8_t>(grid.cols));
    for (int r = 0; r < grid.rows; ++r) {
      for (int c = 0; c < grid.cols; ++c) out.push_back(number(grid.at(r, c)));
    }
  }

 private:
  uint8_t number(uint8_t colour) {
    if (colour != 0 && numbers_[colour] == 0) numbers_[colour] = ++used_;
    return numbers_[colour];
  }

  std::array<uint8_t, kNumColours> numbers_{};
  uint8_t used_ = 0;
};

}  // namespace

Hash128 canonical_pair_hash(const Pair& pair) {
  Hash128 smallest{UINT64_MAX, UINT64_MAX};
  std::vector<uint8_t> bytes;
  for (int transform = 0; transform < kNumTransforms; ++transform) {
    bytes.clear();
    CanonicalColours colours;
    colours.append(transformed(pair.input, transform), bytes);
    colours.append(transformed(pair.output, transform), bytes);
    smallest = std::min(smallest, hash_bytes(bytes.data(), bytes.size()));
  }
  return smallest;
}

std::vector<Overlap> find_overlaps(const std::vector<NamedPair>& train_pairs,
                                   const std::vector<NamedPair>& test_pairs) {
  std::unordered_map<Hash128, const NamedPair*, Hash128Hasher> seen;
  for (const NamedPair& train : train_pairs) seen.try_emplace(canonical_pair_hash(*train.pair), &train);
  std::vector<Overlap> overlaps;
  for (const NamedPair& test : test_pairs) {
    const auto found = seen.find(canonical_pair_hash(*test.pair));
    if (found != seen.end()) overlaps.push_back({test.name, found->second->name});
  }
  return overlaps;
}

}  // namespace tern::puzzles
