// Python's random.Random(seed): the choices that nanochat's evaluation makes with it. The Mersenne Twister (Matsumoto
// and Nishimura 1998) seeded by its init_by_array; integers by rejection, as in CPython's Lib/random.py.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tern::text {

class PythonRandom {
 public:
  explicit PythonRandom(uint64_t seed);

  // getrandbits(32)
  uint32_t next();

  // randrange(limit), 1 <= limit < 2^32.
  uint32_t below(uint32_t limit);

  // shuffle(items)
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i-- > 1;) std::swap(items[i], items[below(static_cast<uint32_t>(i + 1))]);
  }

  // sample(range(population), count), count <= population.
  std::vector<size_t> sample(size_t population, size_t count);

 private:
  std::array<uint32_t, 624> state_{};
  size_t position_ = 624;
};

}  // namespace tern::text
