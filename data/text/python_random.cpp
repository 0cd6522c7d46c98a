#include "data/text/python_random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

#include "base/error.h"

namespace tern::text {

namespace {

constexpr size_t kShift = 397;

uint32_t spread(uint32_t word) {
  return word ^ (word >> 30);
}

}  // namespace

PythonRandom::PythonRandom(uint64_t seed) {
  std::vector<uint32_t> key = {static_cast<uint32_t>(seed)};
  if (seed >> 32 != 0) key.push_back(static_cast<uint32_t>(seed >> 32));
  const size_t size = state_.size();
  state_[0] = 19650218;
  for (size_t i = 1; i < size; ++i) state_[i] = 1812433253U * spread(state_[i - 1]) + static_cast<uint32_t>(i);
  size_t i = 1;
  const auto forward = [&] {
    if (++i < size) return;
    state_[0] = state_[size - 1];
    i = 1;
  };
  for (size_t k = 0; k < size; ++k) {
    const size_t j = k % key.size();
    state_[i] = (state_[i] ^ (spread(state_[i - 1]) * 1664525U)) + key[j] + static_cast<uint32_t>(j);
    forward();
  }
  for (size_t k = 1; k < size; ++k) {
    state_[i] = (state_[i] ^ (spread(state_[i - 1]) * 1566083941U)) - static_cast<uint32_t>(i);
    forward();
  }
  state_[0] = 0x80000000U;
}

uint32_t PythonRandom::next() {
  const size_t size = state_.size();
  if (position_ == size) {
    for (size_t i = 0; i < size; ++i) {
      const uint32_t y = (state_[i] & 0x80000000U) | (state_[(i + 1) % size] & 0x7fffffffU);
      state_[i] = state_[(i + kShift) % size] ^ (y >> 1) ^ ((y & 1U) != 0 ? 0x9908b0dfU : 0);
    }
    position_ = 0;
  }
  uint32_t y = state_[position_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

uint32_t PythonRandom::below(uint32_t limit) {
  TERN_CHECK(limit > 0, "an empty range");
  const int bits = std::bit_width(limit);
  uint32_t value = 0;
  do {
    value = next() >> (32 - bits);
  } while (value >= limit);
  return value;
}

std::vector<size_t> PythonRandom::sample(size_t population, size_t count) {
  TERN_CHECK(count <= population, "a sample larger than the population");
  const auto limit = static_cast<uint32_t>(population);
  // CPython keeps a pool or a set, whichever is smaller, and the two draw differently.
  double set_size = 21;
  if (count > 5) set_size += std::pow(4, std::ceil(std::log(3.0 * static_cast<double>(count)) / std::log(4.0)));
  std::vector<size_t> result;
  if (static_cast<double>(population) <= set_size) {
    std::vector<size_t> pool(population);
    std::iota(pool.begin(), pool.end(), size_t{0});
    for (size_t i = 0; i < count; ++i) {
      const uint32_t j = below(limit - static_cast<uint32_t>(i));
      result.push_back(pool[j]);
      pool[j] = pool[population - i - 1];
    }
    return result;
  }
  std::set<uint32_t> chosen;
  while (result.size() < count) {
    const uint32_t j = below(limit);
    if (chosen.insert(j).second) result.push_back(j);
  }
  return result;
}

}  // namespace tern::text
