// numpy.random.Generator(numpy.random.Philox(seed=...)), value for value: SeedSequence, Philox4x64-10, and the
// Generator methods that upstream's data loader calls. Checked against numpy 2.4.6.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace tern::puzzles {

// numpy.random.SeedSequence(entropy).generate_state(2, uint64): the key that Philox(seed=entropy) takes.
[[nodiscard]] std::array<uint64_t, 2> numpy_philox_key(uint64_t entropy);

class NumpyPhilox {
 public:
  // Everything that decides which values come next; plain data, so that it can be saved and restored.
  struct State {
    std::array<uint64_t, 2> key{};
    std::array<uint64_t, 4> counter{};
    std::array<uint64_t, 4> buffer{};
    uint32_t buffer_position = 4;  // values of buffer already handed out
    bool has_half = false;         // a 64-bit value was split and its upper half is still to be handed out
    uint32_t half = 0;

    friend bool operator==(const State&, const State&) = default;
  };

  explicit NumpyPhilox(uint64_t seed);
  explicit NumpyPhilox(const State& state) : state_(state) {}

  [[nodiscard]] const State& state() const { return state_; }

  // Generator.bit_generator.random_raw and its 32-bit half values.
  uint64_t next_uint64();
  uint32_t next_uint32();

  // Generator.integers(low, high): uniform in [low, high). Needs low < high.
  int64_t integers(int64_t low, int64_t high);

  // Generator.shuffle of a one-dimensional array, and Generator.permutation(values.size()) written over values.
  void shuffle(std::span<int32_t> values);
  void permutation(std::span<int32_t> values);

 private:
  // Uniform in [0, largest]: numpy draws integers by multiplication, but shuffles by masking and rejecting.
  uint64_t bounded(uint64_t largest);
  uint32_t bounded_by_mask(uint32_t largest);

  State state_;
};

}  // namespace tern::puzzles
