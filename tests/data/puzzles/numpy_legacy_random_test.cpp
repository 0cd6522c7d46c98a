#include "data/puzzles/numpy_legacy_random.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "base/file.h"

namespace tern::puzzles {
namespace {

using Json = nlohmann::json;

// All values were drawn one after the other from np.random.RandomState(42).
TEST(NumpyLegacyRandom, DrawsTheRecordedStream) {
  const Json all = Json::parse(read_file(TERN_TEST_REFERENCE "/numpy_generator/recorded.json"));
  const Json& recorded = all["legacy_seed42"];
  NumpyLegacyRandom random(42);
  for (const Json& value : recorded["randint_0_8"]) EXPECT_EQ(random.randint(8), value.get<uint32_t>());
  for (const Json& permutation : recorded["permutation_1_9_uint8"]) {
    std::vector<uint8_t> drawn(9);
    std::iota(drawn.begin(), drawn.end(), uint8_t{1});
    random.shuffle(std::span(drawn));
    EXPECT_EQ(drawn, permutation.get<std::vector<uint8_t>>());
  }
  for (const Json& limit_and_value : recorded["randint_0_n"]) {
    EXPECT_EQ(random.randint(limit_and_value[0].get<uint32_t>()), limit_and_value[1].get<uint32_t>());
  }
}

TEST(NumpyLegacyRandom, DrawsNothingForARangeOfOne) {
  NumpyLegacyRandom skipping(7);
  NumpyLegacyRandom plain(7);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(skipping.randint(1), 0u);
    EXPECT_EQ(skipping.randint(1000), plain.randint(1000));
  }
}

// np.random.seed(2**32 - 1); [np.random.randint(0, 8) for _ in range(6)]; np.random.randint(0, 2**31)
TEST(NumpyLegacyRandom, TakesTheLargestSeedAndWideRanges) {
  NumpyLegacyRandom random(4294967295u);
  std::vector<uint32_t> drawn;
  for (int i = 0; i < 6; ++i) drawn.push_back(random.randint(8));
  EXPECT_EQ(drawn, (std::vector<uint32_t>{3, 2, 4, 7, 4, 0}));
  EXPECT_EQ(random.randint(2147483648u), 1202606294u);
}

}  // namespace
}  // namespace tern::puzzles
