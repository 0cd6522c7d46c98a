#include "engine/checkpoint/torch_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/checkpoint/pickle.h"
#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

const at::Tensor& find(const TensorList& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == name; });
  if (found == tensors.end()) throw std::runtime_error("no tensor " + name);
  return found->second;
}

// Shape, dtype and values as record.py noted them.
void expect_recorded(const TensorList& tensors) {
  const auto expected = nlohmann::json::parse(read_bytes(reference("expected.json")));
  for (const auto& [name, tensor] : tensors) {
    SCOPED_TRACE(name);
    const auto& want = expected.at(name);
    EXPECT_EQ(tensor.sizes().vec(), want.at("shape").get<std::vector<int64_t>>());
    EXPECT_EQ(want.at("dtype"), tensor.scalar_type() == at::ScalarType::Long ? "int64" : "float32");
    const at::Tensor values = tensor.to(at::ScalarType::Double).contiguous();
    const auto* begin = values.const_data_ptr<double>();
    EXPECT_EQ(std::vector<double>(begin, begin + values.numel()), want.at("values").get<std::vector<double>>());
  }
}

TEST(TorchFile, ReadsEveryDtypeThatPythonSaves) {
  const TorchFile file = read_torch_file(reference("dtypes.pt"));
  expect_same(file.tensors, dtype_tensors());
  EXPECT_TRUE(file.skipped.empty());
}

TEST(TorchFile, ReadsAModulesStateWithMetadataAndTiedWeights) {
  const TensorList tensors = read_torch_file(reference("module.pt")).tensors;
  ASSERT_EQ(tensors.size(), 4U);
  EXPECT_EQ(tensors[0].first, "_orig_mod.steps");
  expect_recorded(tensors);
  EXPECT_TRUE(find(tensors, "_orig_mod.first.weight").is_alias_of(find(tensors, "_orig_mod.second.weight")));
}

TEST(TorchFile, ReadsViewsOfOneStorage) {
  const TensorList tensors = read_torch_file(reference("views.pt")).tensors;
  ASSERT_EQ(tensors.size(), 6U);
  expect_recorded(tensors);
  for (const auto& [name, tensor] : tensors) EXPECT_TRUE(tensor.is_alias_of(find(tensors, "base"))) << name;
}

TEST(TorchFile, FindsTheStateDictBesidePlainValues) {
  const TorchFile file = read_torch_file(reference("nested.pt"));
  ASSERT_EQ(file.tensors.size(), 1U);
  EXPECT_EQ(file.tensors[0].first, "w");
  EXPECT_EQ(file.skipped, std::vector<std::string>{"note"});
}

TEST(TorchFile, RunsNothing) {
  expect_checkpoint_error([] { (void)read_torch_file(reference("evil.pt")); }, {"posix.system", "evil.pt"});
}

TEST(TorchFile, SaysWhyAFileIsRefused) {
  const auto check = [](const char* name, const std::vector<std::string>& parts) {
    SCOPED_TRACE(name);
    expect_checkpoint_error([&] { (void)read_torch_file(reference(name)); }, parts);
  };
  check("old_format.pt", {"before torch 1.6", "old_format.pt", "save it again"});
  check("list.pt", {"no dict of tensors", "list.pt", "state_dict"});
  check("big_endian.pt", {"big-endian"});
  check("short_storage.pt", {"data/0 has 92 bytes", "need 96"});
  check("python.safetensors", {"not a file of torch.save"});
  check("missing.pt", {"No such file", "missing.pt"});
}

TEST(TorchFile, TruncationAnywhereIsAnErrorWithTheFilesName) {
  const TempFolder folder;
  const std::string whole = read_bytes(reference("views.pt"));
  for (size_t size = 0; size < whole.size(); size += 37) {
    SCOPED_TRACE(size);
    write_bytes(folder.path() / "cut.pt", whole.substr(0, size));
    expect_checkpoint_error([&] { (void)read_torch_file(folder.path() / "cut.pt"); }, {"cut.pt"});
  }
}

// A damaged byte is refused or lies in what no reader looks at (padding, dates): values are never wrong.
TEST(TorchFile, FlippedBitsNeverGiveWrongValues) {
  const TempFolder folder;
  const auto path = folder.path() / "flipped.pt";
  const TensorList expected = read_torch_file(reference("module.pt")).tensors;
  const int64_t size = static_cast<int64_t>(read_bytes(reference("module.pt")).size());
  int refused = 0;
  for (int64_t offset = 0; offset < size; offset += 5) {
    SCOPED_TRACE(offset);
    write_bytes(path, read_bytes(reference("module.pt")));
    flip_bit(path, offset);
    try {
      expect_same(read_torch_file(path).tensors, expected);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::checkpoint);
      ++refused;
    }
  }
  EXPECT_GT(refused, 50);
}

TEST(TorchFile, RoundTripsEveryDtype) {
  const TempFolder folder;
  write_torch_file(folder.path() / "t.pt", dtype_tensors());
  expect_same(read_torch_file(folder.path() / "t.pt").tensors, dtype_tensors());
}

TEST(TorchFile, WritesViewsAsTheirValues) {
  const TempFolder folder;
  const at::Tensor base = counting(at::ScalarType::Float, {4, 6});
  const TensorList views = {{"t", base.t()}, {"row", base.select(0, 2)}};
  write_torch_file(folder.path() / "t.pt", views);
  expect_same(read_torch_file(folder.path() / "t.pt").tensors, views);
}

// record.py --check has shown that Python's torch.load(weights_only=True) reads this very file.
TEST(TorchFile, WritesTheFileThatPythonIsKnownToRead) {
  const TempFolder folder;
  write_torch_file(folder.path() / "t.pt", dtype_tensors());
  EXPECT_EQ(read_bytes(folder.path() / "t.pt"), read_bytes(reference("tern.pt")));
}

TEST(TorchFile, WritingIntoAMissingFolderIsAnError) {
  const TempFolder folder;
  expect_checkpoint_error([&] { write_torch_file(folder.path() / "no" / "t.pt", dtype_tensors()); },
                          {"open for writing", "no/t.pt"});
}

// What an optimizer's state dict is made of.
TEST(TorchFile, WritesNestedObjectsThatComeBack) {
  const at::Tensor tensor = dtype_tensors().front().second;
  PickleValue zero{int64_t{0}}, big{int64_t{1} << 40}, negative{int64_t{-7}}, ratio{0.1}, yes{true}, none{},
      name{std::string("lr")};
  PickleValue inner{tensor}, pair{PickleTuple{{&ratio, &yes}}}, list{PickleList{{&big, &negative, &none}}};
  PickleValue state{PickleDict{{{&zero, &inner}}}};
  PickleValue root{PickleDict{{{&name, &pair}, {&negative, &list}, {&big, &state}}}};
  const TempFolder folder;
  write_torch_object(folder / "object.pt", root);
  read_torch_object(folder / "object.pt", [&](PickleRef read) {
    const auto& dict = pickle_as<PickleDict>(read, "a dict").items;
    ASSERT_EQ(dict.size(), 3U);
    EXPECT_EQ(pickle_as<std::string>(dict[0].first, "text"), "lr");
    const auto& read_pair = pickle_as<PickleTuple>(dict[0].second, "a tuple").items;
    EXPECT_EQ(pickle_as<double>(read_pair[0], "a number"), 0.1);
    EXPECT_TRUE(pickle_as<bool>(read_pair[1], "a truth"));
    EXPECT_EQ(pickle_as<int64_t>(dict[1].first, "an integer"), -7);
    const auto& read_list = pickle_as<PickleList>(dict[1].second, "a list").items;
    EXPECT_EQ(pickle_as<int64_t>(read_list[0], "an integer"), int64_t{1} << 40);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(read_list[2]->data));
    const auto& read_state = pickle_as<PickleDict>(dict[2].second, "a dict").items;
    EXPECT_TRUE(pickle_as<at::Tensor>(read_state[0].second, "a tensor").equal(tensor));
  });
  expect_checkpoint_error(
      [&] {
        read_torch_object(folder / "object.pt",
                          [](PickleRef read) { (void)pickle_as<std::string>(read, "the text of it all"); });
      },
      {"expected the text of it all", "object.pt"});
}

}  // namespace
}  // namespace tern::test
