// Which examples a training batch holds: upstream's choice of groups and puzzles, number for number.
#pragma once

#include <cstdint>
#include <vector>

#include "data/puzzles/dataset.h"
#include "data/puzzles/numpy_philox.h"

namespace tern::puzzles {

// The rows of one global batch and the puzzle each comes from.
struct Selection {
  std::vector<int64_t> rows;
  std::vector<int32_t> puzzles;
};

// One pass over a set: `epochs` shuffled rounds of its groups, one puzzle drawn per visit, all its examples in random
// order. Groups and puzzles follow numpy.random.Generator(Philox(seed)) as upstream's loader draws from it; the order
// inside a puzzle, which upstream takes from a process-wide generator, comes from a stream of its own (the same key,
// another range of counters).
class TrainSampler {
 public:
  struct State {
    int64_t position = 0;  // groups of the order used so far
    NumpyPhilox::State puzzles;
    NumpyPhilox::State examples;

    friend bool operator==(const State&, const State&) = default;
  };

  // Shuffles epochs x groups int32 numbers; costs some 10 ns each. set must outlive the sampler, and each of its
  // groups must hold a puzzle.
  TrainSampler(const PuzzleSet& set, uint64_t seed, int64_t epochs);

  [[nodiscard]] State state() const { return {position_, puzzles_.state(), examples_.state()}; }

  // Goes on from a state of a sampler that was made with the same arguments.
  void restore(const State& state);

  // Draws the next global batch. A puzzle that doesn't fit whole gives as many of its examples as fit, as upstream
  // does. False when the pass ends before the batch is full; what was drawn of it is dropped.
  [[nodiscard]] bool sample(int64_t global_batch_size, Selection& out);

 private:
  void append_examples(int32_t puzzle, int64_t room, Selection& out);

  const PuzzleSet* set_;
  std::vector<int32_t> order_;
  int64_t position_ = 0;
  NumpyPhilox puzzles_;
  NumpyPhilox examples_;
  std::vector<int32_t> shuffled_;  // scratch of append_examples
};

}  // namespace tern::puzzles
