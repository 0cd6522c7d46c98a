// Every value of numpy's Generator(Philox) that the loader can meet, against recorded draws of numpy itself.
#include "data/puzzles/numpy_philox.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"

namespace tern::puzzles {
namespace {

using Json = nlohmann::json;

Json reference(const std::string& file) {
  return Json::parse(read_file(std::filesystem::path(TERN_TEST_REFERENCE) / "numpy_generator" / file));
}

template <class T>
uint32_t crc(const std::vector<T>& values) {
  return libdeflate_crc32(0, values.data(), values.size() * sizeof(T));
}

template <class T>
void expect_values(const std::vector<T>& values, const Json& call) {
  const auto first = call["first"].get<std::vector<T>>();
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(values[i], first[i]) << call["call"] << " " << i;
  EXPECT_EQ(crc(values), call["crc"].get<uint32_t>()) << call["call"];
}

void replay(NumpyPhilox& rng, const Json& call) {
  const std::string name = call["call"];
  const auto n = call["n"].get<size_t>();
  if (name == "permutation") {
    std::vector<int32_t> values(n);
    rng.permutation(values);
    expect_values(values, call);
  } else if (name == "raw") {
    std::vector<uint64_t> values(n);
    for (uint64_t& value : values) value = rng.next_uint64();
    expect_values(values, call);
  } else {
    std::vector<int64_t> values(n);
    for (size_t i = 0; i < n; ++i) {
      const auto at = static_cast<int64_t>(i);
      values[i] = name == "growing" ? rng.integers(at, 2 * at + 1)
                                    : rng.integers(call["low"].get<int64_t>(), call["high"].get<int64_t>());
    }
    expect_values(values, call);
  }
}

TEST(NumpyPhilox, EqualsNumpyOverManySeedsAndCalls) {
  const Json cases = reference("philox.json");
  ASSERT_EQ(cases.size(), 12U);
  for (const Json& c : cases) {
    SCOPED_TRACE(c["seed"].dump());
    NumpyPhilox rng(c["seed"].get<uint64_t>());
    for (const Json& call : c["calls"]) replay(rng, call);
  }
}

TEST(NumpyPhilox, EqualsTheRecordedStream) {
  const Json recorded = reference("recorded.json");
  NumpyPhilox rng(3);
  std::vector<int32_t> order(20);
  rng.permutation(order);
  EXPECT_EQ(order, recorded["philox_seed3"]["permutation_20"].get<std::vector<int32_t>>());
  for (const Json& draw : recorded["philox_seed3"]["integers"]) {
    EXPECT_EQ(rng.integers(draw[0], draw[1]), draw[2].get<int64_t>());
  }
  order.resize(5);
  rng.permutation(order);
  EXPECT_EQ(order, recorded["philox_seed3"]["permutation_5"].get<std::vector<int32_t>>());
  NumpyPhilox raw(1);
  for (const Json& value : recorded["philox_seed1_raw_uint64"]) EXPECT_EQ(raw.next_uint64(), value.get<uint64_t>());
}

TEST(NumpyPhilox, RestoredStateGoesOnExactly) {
  NumpyPhilox rng(11);
  for (int drawn = 0; drawn < 50; ++drawn) {
    NumpyPhilox restored(rng.state());
    NumpyPhilox original = rng;
    for (int i = 0; i < 20; ++i) ASSERT_EQ(restored.integers(0, 1000), original.integers(0, 1000)) << drawn;
    EXPECT_EQ(restored.state(), original.state());
    rng.next_uint32();
  }
}

TEST(NumpyPhilox, CounterCarriesIntoTheNextWord) {
  NumpyPhilox::State state;
  state.counter = {UINT64_MAX, UINT64_MAX, 5, 0};
  NumpyPhilox rng(state);
  rng.next_uint64();
  EXPECT_EQ(rng.state().counter, (std::array<uint64_t, 4>{0, 0, 6, 0}));
}

}  // namespace
}  // namespace tern::puzzles
