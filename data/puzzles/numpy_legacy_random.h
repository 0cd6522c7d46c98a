// numpy's legacy generator, np.random.RandomState(seed): the stream that upstream's dataset builders draw from.
//
// The engine is std::mt19937, whose seeding numpy shares. Bounded integers use numpy's legacy rule, masked rejection:
// draw 32 bits, keep as many low bits as the range needs, draw again while the value is out of range. A range of one
// value draws nothing. Source: numpy/random/_bounded_integers.pyx and random_interval() in distributions.c.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <utility>

namespace tern::puzzles {

// Not safe to share between threads: the order of draws is the point.
class NumpyLegacyRandom {
 public:
  explicit NumpyLegacyRandom(uint32_t seed) : engine_(seed) {}

  // Uniform in [0, max], max < 2^32 - 1; the value np.random.randint(0, max + 1) would give.
  uint32_t bounded(uint32_t max) {
    if (max == 0) return 0;
    const uint32_t mask = std::bit_ceil(uint64_t{max} + 1) - 1;
    uint32_t value = 0;
    do {
      value = static_cast<uint32_t>(engine_()) & mask;
    } while (value > max);
    return value;
  }

  // np.random.randint(0, limit), 1 <= limit < 2^32.
  uint32_t randint(uint32_t limit) { return bounded(limit - 1); }

  // np.random.shuffle of a list or of a one-dimensional array.
  template <typename T>
  void shuffle(std::span<T> items) {
    for (size_t i = items.size(); i-- > 1;) {
      const size_t j = bounded(static_cast<uint32_t>(i));
      if (j != i) std::swap(items[i], items[j]);
    }
  }

 private:
  std::mt19937 engine_;
};

}  // namespace tern::puzzles
