#include "tests/engine/checkpoint/support.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/scalar_tensor.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "engine/checkpoint/dtype.h"

namespace fs = std::filesystem;

namespace tern::test {

at::Tensor counting(at::ScalarType dtype, const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return at::arange(count, at::TensorOptions(at::ScalarType::Float)).reshape(shape).to(dtype);
}

TensorList dtype_tensors() {
  TensorList tensors;
  for (const DtypeNames& names : dtype_names()) {
    if (names.safetensors.empty()) continue;
    tensors.emplace_back(std::string(names.torch) + ".matrix", counting(names.dtype, {2, 3}));
  }
  tensors.emplace_back("scalar", at::scalar_tensor(2.5, at::TensorOptions(at::ScalarType::Float)));
  tensors.emplace_back("empty", at::empty({0, 4}, at::TensorOptions(at::ScalarType::Float)));
  tensors.emplace_back("名前", counting(at::ScalarType::Long, {2}).add(1));
  return tensors;
}

Snapshot make_snapshot(int64_t step) {
  const double value = static_cast<double>(step);
  const auto filled = [value](std::vector<int64_t> shape, at::ScalarType dtype, double add) {
    return at::full(shape, value + add, at::TensorOptions(dtype));
  };
  Snapshot snapshot;
  snapshot.step = step;
  snapshot.model = {{"model.z.weight", filled({8, 16}, at::ScalarType::Float, 0.5)},
                    {"model.a.bias", filled({3}, at::ScalarType::BFloat16, 1)}};
  snapshot.ema = {{"model.z.weight", filled({8, 16}, at::ScalarType::Float, 0.25)}};
  snapshot.optimizer = {{"m.model.z.weight", filled({8, 16}, at::ScalarType::Float, 0.125)},
                        {"step", filled({}, at::ScalarType::Long, 0)}};
  snapshot.state = {{"carry.halted", filled({4}, at::ScalarType::Bool, 1)},
                    {"rng.cpu", filled({5}, at::ScalarType::Byte, 0)}};
  snapshot.counters = {{"loader", {{"epoch", step / 10}, {"position", step}}}, {"seconds", value / 7}};
  snapshot.metrics = {{"ARC/pass@2", value / 1000}};
  snapshot.config_yaml = "seed: 0\nrun_name: \"ü\"\n";
  return snapshot;
}

Snapshot make_big_snapshot(int64_t step, int64_t big_bytes) {
  Snapshot snapshot = make_snapshot(step);
  const at::TensorOptions bytes(at::ScalarType::Byte);
  snapshot.model.emplace_back("model.big", at::full({big_bytes}, static_cast<double>(step % 251), bytes));
  return snapshot;
}

void expect_same(const TensorList& actual, const TensorList& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    SCOPED_TRACE(expected[i].first);
    EXPECT_EQ(actual[i].first, expected[i].first);
    ASSERT_EQ(actual[i].second.scalar_type(), expected[i].second.scalar_type());
    ASSERT_EQ(actual[i].second.sizes().vec(), expected[i].second.sizes().vec());
    const at::Tensor a = actual[i].second.contiguous();
    const at::Tensor b = expected[i].second.contiguous();
    EXPECT_TRUE(a.nbytes() == 0 || std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0);
  }
}

void expect_same(const Snapshot& actual, const Snapshot& expected) {
  EXPECT_EQ(actual.step, expected.step);
  expect_same(actual.model, expected.model);
  expect_same(actual.ema, expected.ema);
  expect_same(actual.optimizer, expected.optimizer);
  expect_same(actual.state, expected.state);
  EXPECT_EQ(actual.counters.dump(), expected.counters.dump());
  EXPECT_EQ(actual.metrics, expected.metrics);
  EXPECT_EQ(actual.config_yaml, expected.config_yaml);
  EXPECT_EQ(actual.rank, expected.rank);
  EXPECT_EQ(actual.world_size, expected.world_size);
}

void expect_checkpoint_error(const std::function<void()>& body, const std::vector<std::string>& parts) {
  try {
    body();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::checkpoint) << e.what();
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what() << "\nlacks: " << part;
    }
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    return;
  }
  ADD_FAILURE() << "nothing was thrown";
}

fs::path reference(const std::string& name) {
  return fs::path(TERN_TEST_REFERENCE) / "checkpoint" / name;
}

std::string read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void flip_bit(const fs::path& path, int64_t offset) {
  std::string bytes = read_bytes(path);
  const auto index = static_cast<size_t>(offset < 0 ? static_cast<int64_t>(bytes.size()) + offset : offset);
  bytes.at(index) = static_cast<char>(bytes.at(index) ^ 1);
  write_bytes(path, bytes);
}

std::string Messages::text() const {
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

}  // namespace tern::test
