#include "data/puzzles/train_sampler.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace tern::puzzles {

namespace {

// A 256-bit counter starts at 0 for the puzzles' stream; this one can't be reached from there.
NumpyPhilox::State example_stream(uint64_t seed) {
  NumpyPhilox::State state;
  state.key = numpy_philox_key(seed);
  state.counter = {0, 0, 0, 1};
  return state;
}

}  // namespace

TrainSampler::TrainSampler(const PuzzleSet& set, uint64_t seed, int64_t epochs)
    : set_(&set), puzzles_(seed), examples_(example_stream(seed)) {
  const size_t groups = set.group_indices.size() - 1;
  order_.resize(groups * static_cast<size_t>(epochs));
  for (size_t begin = 0; begin < order_.size(); begin += groups) {
    puzzles_.permutation(std::span(order_).subspan(begin, groups));
  }
}

void TrainSampler::restore(const State& state) {
  position_ = state.position;
  puzzles_ = NumpyPhilox(state.puzzles);
  examples_ = NumpyPhilox(state.examples);
}

bool TrainSampler::sample(int64_t global_batch_size, Selection& out) {
  out.rows.clear();
  out.puzzles.clear();
  while (position_ < std::ssize(order_) && std::ssize(out.rows) < global_batch_size) {
    const auto group = static_cast<size_t>(order_[static_cast<size_t>(position_++)]);
    const int64_t puzzle = puzzles_.integers(set_->group_indices[group], set_->group_indices[group + 1]);
    append_examples(static_cast<int32_t>(puzzle), global_batch_size - std::ssize(out.rows), out);
  }
  return std::ssize(out.rows) == global_batch_size;
}

void TrainSampler::append_examples(int32_t puzzle, int64_t room, Selection& out) {
  const int32_t begin = set_->puzzle_indices[static_cast<size_t>(puzzle)];
  const int32_t size = set_->puzzle_indices[static_cast<size_t>(puzzle) + 1] - begin;
  shuffled_.resize(static_cast<size_t>(size));
  std::iota(shuffled_.begin(), shuffled_.end(), begin);
  const auto taken = static_cast<int32_t>(std::min<int64_t>(size, room));
  for (int32_t i = 0; i < taken; ++i) {
    std::swap(shuffled_[static_cast<size_t>(i)], shuffled_[static_cast<size_t>(examples_.integers(i, size))]);
    out.rows.push_back(shuffled_[static_cast<size_t>(i)]);
    out.puzzles.push_back(puzzle);
  }
}

}  // namespace tern::puzzles
