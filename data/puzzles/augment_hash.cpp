#include "data/puzzles/augment_hash.h"

namespace tern::puzzles {

namespace {

// Appends to each colour's list the places where it stands.
void collect_places(const GridView& grid, uint16_t first_place,
                    std::array<std::vector<uint16_t>, kNumColours>& places) {
  for (int r = 0; r < grid.rows; ++r) {
    for (int c = 0; c < grid.cols; ++c) {
      places[grid.at(r, c)].push_back(static_cast<uint16_t>(first_place + r * kMaxGridSide + c));
    }
  }
}

}  // namespace

AugmentationHasher::AugmentationHasher(const std::vector<const Pair*>& pairs) {
  for (int transform = 0; transform < kNumTransforms; ++transform) {
    for (const Pair* pair : pairs) tables_[transform].push_back(make_table(*pair, transform));
  }
}

AugmentationHasher::PairTable AugmentationHasher::make_table(const Pair& pair, int transform) {
  // The places of all colours together tell the shape, since every cell has a colour.
  std::array<std::vector<uint16_t>, kNumColours> places;
  collect_places(transformed(pair.input, transform), 0, places);
  collect_places(transformed(pair.output, transform), kArcSeqLen, places);

  PairTable table;
  for (int colour = 0; colour < kNumColours; ++colour) {
    if (places[colour].empty()) continue;
    const Hash128 where = hash_bytes(places[colour].data(), places[colour].size() * sizeof(uint16_t));
    std::array<Hash128, kNumColours> becomes;
    for (uint64_t new_colour = 0; new_colour < kNumColours; ++new_colour) {
      const std::array<uint64_t, 3> key = {where.low, where.high, new_colour};
      becomes[new_colour] = hash_bytes(key.data(), sizeof(key));
    }
    table.colours.push_back(static_cast<uint8_t>(colour));
    table.becomes.push_back(becomes);
  }
  return table;
}

Hash128 AugmentationHasher::operator()(const Augmentation& augmentation) const {
  Hash128 puzzle;
  for (const PairTable& table : tables_[augmentation.transform]) {
    Hash128 pair;
    for (size_t i = 0; i < table.colours.size(); ++i) pair += table.becomes[i][augmentation.colours[table.colours[i]]];
    // Hashed once more, or colours could move from one pair to another without changing the puzzle's sum.
    puzzle += hash_bytes(&pair, sizeof(pair));
  }
  return puzzle;
}

}  // namespace tern::puzzles
