// identifiers.json: which puzzle and which augmentation a puzzle identifier stands for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/puzzles/augment.h"

namespace tern::puzzles {

// 16 bytes, because full-size datasets have a million of them.
struct ArcIdentity {
  int32_t puzzle = -1;  // index of the base puzzle; -1 for one that isn't asked for
  Augmentation augmentation;
};

struct AugmentedName {
  std::string_view puzzle;
  Augmentation augmentation;
};

// Takes NAME or NAME|||t3|||0123456789 apart (augmented_name's opposite). where names the file for errors. Throws
// Error(data) for a transform outside t0-t7 and for colours that aren't a permutation of 0-9.
[[nodiscard]] AugmentedName parse_augmented_name(std::string_view name, const std::string& where);

// Reads a JSON list of names, identifier by identifier, without keeping the names; puzzles maps the base names that
// are asked for to their index. Throws Error(data), naming where, for broken JSON and malformed names.
[[nodiscard]] std::vector<ArcIdentity> parse_arc_identifiers(std::string_view json, const std::string& where,
                                                             const std::unordered_map<std::string, int32_t>& puzzles);

}  // namespace tern::puzzles
