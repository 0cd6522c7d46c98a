#include "data/puzzles/numpy_philox.h"

#include <bit>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"

namespace tern::puzzles {

namespace {

// __extension__: 128-bit integers aren't ISO C++, and both compilers of this project have them.
__extension__ using uint128 = unsigned __int128;

// SeedSequence's hash (numpy/random/bit_generator.pyx, after M. E. O'Neill's seed_seq_fe).
class EntropyPool {
 public:
  explicit EntropyPool(uint64_t entropy) {
    const std::array<uint32_t, 4> words = {static_cast<uint32_t>(entropy), static_cast<uint32_t>(entropy >> 32), 0, 0};
    uint32_t constant = 0x43b0d7e5;
    const auto hash = [&constant](uint32_t value) {
      value ^= constant;
      constant *= 0x931e8875;
      value *= constant;
      return value ^ (value >> 16);
    };
    for (size_t i = 0; i < pool_.size(); ++i) pool_[i] = hash(words[i]);
    for (size_t from = 0; from < pool_.size(); ++from) {
      for (size_t to = 0; to < pool_.size(); ++to) {
        if (from == to) continue;
        const uint32_t mixed = 0xca01f9dd * pool_[to] - 0x4973f715 * hash(pool_[from]);
        pool_[to] = mixed ^ (mixed >> 16);
      }
    }
  }

  [[nodiscard]] std::array<uint32_t, 4> generate() const {
    std::array<uint32_t, 4> out = pool_;
    uint32_t constant = 0x8b51f9dd;
    for (uint32_t& value : out) {
      value ^= constant;
      constant *= 0x58f38ded;
      value *= constant;
      value ^= value >> 16;
    }
    return out;
  }

 private:
  std::array<uint32_t, 4> pool_{};
};

// Ten rounds of Philox4x64 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
std::array<uint64_t, 4> philox4x64(std::array<uint64_t, 4> c, std::array<uint64_t, 2> key) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const uint128 a = uint128{0xD2E7470EE14C6C93} * c[0];
    const uint128 b = uint128{0xCA5A826395121157} * c[2];
    c = {static_cast<uint64_t>(b >> 64) ^ c[1] ^ key[0], static_cast<uint64_t>(b),
         static_cast<uint64_t>(a >> 64) ^ c[3] ^ key[1], static_cast<uint64_t>(a)};
    key[0] += 0x9E3779B97F4A7C15;
    key[1] += 0xBB67AE8584CAA73B;
  }
  return c;
}

// Lemire's unbiased draw from [0, range] ("Fast random integer generation in an interval", 2019), as numpy does it:
// Word and Wide are the drawn type and one twice as wide; range is below the largest Word.
template <class Word, class Wide, class Draw>
Word lemire(Word range, Draw draw) {
  constexpr int kBits = std::numeric_limits<Word>::digits;
  const Word range_excl = range + 1;
  Wide product = Wide{draw()} * range_excl;
  if (static_cast<Word>(product) < range_excl) {
    const Word threshold = (std::numeric_limits<Word>::max() - range) % range_excl;
    while (static_cast<Word>(product) < threshold) product = Wide{draw()} * range_excl;
  }
  return static_cast<Word>(product >> kBits);
}

}  // namespace

std::array<uint64_t, 2> numpy_philox_key(uint64_t entropy) {
  const std::array<uint32_t, 4> words = EntropyPool(entropy).generate();
  return {words[0] | uint64_t{words[1]} << 32, words[2] | uint64_t{words[3]} << 32};
}

NumpyPhilox::NumpyPhilox(uint64_t seed) {
  state_.key = numpy_philox_key(seed);
}

uint64_t NumpyPhilox::next_uint64() {
  if (state_.buffer_position == state_.buffer.size()) {
    for (uint64_t& word : state_.counter) {
      if (++word != 0) break;
    }
    state_.buffer = philox4x64(state_.counter, state_.key);
    state_.buffer_position = 0;
  }
  return state_.buffer[state_.buffer_position++];
}

uint32_t NumpyPhilox::next_uint32() {
  if (std::exchange(state_.has_half, false)) return state_.half;
  const uint64_t value = next_uint64();
  state_.has_half = true;
  state_.half = static_cast<uint32_t>(value >> 32);
  return static_cast<uint32_t>(value);
}

uint64_t NumpyPhilox::bounded(uint64_t largest) {
  if (largest == 0) return 0;
  if (largest < std::numeric_limits<uint32_t>::max()) {
    return lemire<uint32_t, uint64_t>(static_cast<uint32_t>(largest), [this] { return next_uint32(); });
  }
  if (largest == std::numeric_limits<uint32_t>::max()) return next_uint32();
  if (largest == std::numeric_limits<uint64_t>::max()) return next_uint64();
  return lemire<uint64_t, uint128>(largest, [this] { return next_uint64(); });
}

uint32_t NumpyPhilox::bounded_by_mask(uint32_t largest) {
  const uint32_t mask = UINT32_MAX >> std::countl_zero(largest | 1);
  uint32_t value = next_uint32() & mask;
  while (value > largest) value = next_uint32() & mask;
  return value;
}

int64_t NumpyPhilox::integers(int64_t low, int64_t high) {
  TERN_CHECK(low < high, std::to_string(low) + " is not below " + std::to_string(high));
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) - 1;
  return static_cast<int64_t>(static_cast<uint64_t>(low) + bounded(range));
}

void NumpyPhilox::shuffle(std::span<int32_t> values) {
  for (size_t i = values.size(); i-- > 1;) std::swap(values[i], values[bounded_by_mask(static_cast<uint32_t>(i))]);
}

void NumpyPhilox::permutation(std::span<int32_t> values) {
  std::iota(values.begin(), values.end(), 0);
  shuffle(values);
}

}  // namespace tern::puzzles
