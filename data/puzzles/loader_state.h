// Where a loader stands; saved in checkpoints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/puzzles/train_sampler.h"

namespace tern::puzzles {

// The position after the batches handed out so far. It is the same on every rank and doesn't depend on their number.
struct LoaderState {
  int64_t passes = 0;                        // passes over a set begun so far (upstream's _iters)
  int64_t set = 0;                           // the set in progress, or the next one
  int64_t position = 0;                      // evaluation: the next example of that set
  std::optional<TrainSampler::State> train;  // training: the pass in progress; empty between passes

  // What the position counts in; a loader refuses a state whose values differ from its own.
  uint64_t seed = 0;
  int64_t epochs_per_iter = 1;
  std::vector<int64_t> groups;  // of every set

  friend bool operator==(const LoaderState&, const LoaderState&) = default;
};

// One line of JSON, under 1 kB for a few sets.
[[nodiscard]] std::string to_json(const LoaderState& state);

// Throws Error(checkpoint) where the text isn't what to_json writes.
[[nodiscard]] LoaderState parse_loader_state(std::string_view text);

}  // namespace tern::puzzles
