// Learns a byte-pair vocabulary from counted pieces, merge for merge as rustbpe does.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/text/piece_counts.h"

namespace tern::text {

// Tokens by rank: the 256 single bytes, then one token per merge. At every step the most frequent adjacent pair of
// tokens becomes a new token (Sennrich et al. 2016); among equally frequent pairs the one whose (left id, right id) is
// smaller. Stops at `ranks` tokens (at least 256; special tokens don't count), or earlier when no pair is left: the
// result is then shorter. Deterministic; doesn't depend on the order in which pieces were counted.
// progress, if given, is called with the number of merges done so far.
[[nodiscard]] std::vector<std::string> train_bpe(const PieceCounts& pieces, size_t ranks,
                                                 const std::function<void(size_t merges)>& progress = {});

}  // namespace tern::text
