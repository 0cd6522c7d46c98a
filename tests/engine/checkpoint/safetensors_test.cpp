#include "engine/checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>

#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

void write_with_header(const std::filesystem::path& path, const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  write_bytes(path, std::string(reinterpret_cast<const char*>(&length), 8) + header + data);
}

TEST(Safetensors, RoundTripsEveryDtypeInTheListsOrder) {
  const TempFolder folder;
  const auto path = folder.path() / "t.safetensors";
  write_safetensors_file(path, dtype_tensors());
  expect_same(read_safetensors(path).tensors, dtype_tensors());
}

TEST(Safetensors, KeepsMetadataAndNoTensors) {
  const TempFolder folder;
  const auto path = folder.path() / "t.safetensors";
  OutputFile file(path);
  write_safetensors(file, {}, {{"counters", "{\"a\":1}"}});
  file.finish();
  const SafetensorsFile read = read_safetensors(path);
  EXPECT_TRUE(read.tensors.empty());
  EXPECT_EQ(read.metadata, (std::map<std::string, std::string>{{"counters", "{\"a\":1}"}}));
}

TEST(Safetensors, ReadsWhatPythonWrote) {
  const SafetensorsFile file = read_safetensors(reference("python.safetensors"));
  EXPECT_EQ(file.metadata, (std::map<std::string, std::string>{{"format", "pt"}, {"note", "recorded"}}));
  const TensorList expected = dtype_tensors();
  ASSERT_EQ(file.tensors.size(), expected.size());
  for (const auto& [name, tensor] : file.tensors) {
    const auto same_name = [&name_ = name](const auto& item) { return item.first == name_; };
    const auto found = std::find_if(expected.begin(), expected.end(), same_name);
    ASSERT_NE(found, expected.end()) << name;
    expect_same({{name, tensor}}, {*found});
  }
}

// record.py --check has shown that Python reads this very file.
TEST(Safetensors, WritesTheFileThatPythonIsKnownToRead) {
  const TempFolder folder;
  const auto path = folder.path() / "t.safetensors";
  OutputFile file(path);
  write_safetensors(file, dtype_tensors(), {{"note", "from Tern"}});
  file.finish();
  EXPECT_EQ(read_bytes(path), read_bytes(reference("tern.safetensors")));
}

TEST(Safetensors, AlignsEveryTensorToItsElements) {
  const TempFolder folder;
  const auto path = folder.path() / "t.safetensors";
  write_safetensors_file(path, {{"odd", counting(at::ScalarType::Byte, {3})},
                                {"double", counting(at::ScalarType::Double, {2})},
                                {"half", counting(at::ScalarType::Half, {5})}});
  const SafetensorsHeader header = read_safetensors_header(path);
  uint64_t header_length = 0;
  std::memcpy(&header_length, read_bytes(path).data(), 8);
  EXPECT_EQ(header_length % 8, 0U);
  EXPECT_EQ(header.entries[0].name, "odd");
  for (const SafetensorsEntry& entry : header.entries) {
    EXPECT_EQ(entry.begin % c10::elementSize(entry.dtype), 0U) << entry.name;
  }
}

TEST(Safetensors, WritesViewsAsTheirValues) {
  const TempFolder folder;
  const auto path = folder.path() / "t.safetensors";
  const at::Tensor base = counting(at::ScalarType::Float, {4, 6});
  const TensorList views = {{"t", base.t()}, {"block", base.slice(0, 1, 3).slice(1, 2, 5)}, {"same", base}};
  write_safetensors_file(path, views);
  expect_same(read_safetensors(path).tensors, views);
}

TEST(Safetensors, RefusesWhatItCannotStore) {
  const auto check = [](const TensorList& tensors, const std::string& part) {
    const TempFolder folder;
    const auto path = folder.path() / "t.safetensors";
    expect_checkpoint_error([&] { write_safetensors_file(path, tensors); }, {part, "t.safetensors"});
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  };
  const at::Tensor tensor = counting(at::ScalarType::Float, {2});
  check({{"a", tensor}, {"a", tensor}}, "twice");
  check({{"__metadata__", tensor}}, "reserved");
  check({{"a", at::Tensor()}}, "undefined");
  check({{"a", tensor.to(at::ScalarType::ComplexFloat)}}, "ComplexFloat");
  check({{"\xff", tensor}}, "not UTF-8");
}

struct BadHeader {
  const char* name;
  const char* header;
  size_t data_bytes;
  const char* message;
};

class SafetensorsBadHeader : public testing::TestWithParam<BadHeader> {};

TEST_P(SafetensorsBadHeader, IsRefusedWithReasonAndFile) {
  const TempFolder folder;
  const auto path = folder.path() / "bad.safetensors";
  write_with_header(path, GetParam().header, std::string(GetParam().data_bytes, 'x'));
  expect_checkpoint_error([&] { (void)read_safetensors(path); }, {GetParam().message, "bad.safetensors"});
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SafetensorsBadHeader,
    testing::Values(
        BadHeader{"empty", "", 0, "does not start with {"}, BadHeader{"space", " {}", 0, "does not start with {"},
        BadHeader{"array", "[]", 0, "does not start with {"}, BadHeader{"half", "{\"a\":", 0, "not a JSON object"},
        BadHeader{"trailing", "{}x", 0, "not a JSON object"},
        BadHeader{"utf8", "{\"\xff\":{}}", 0, "not a JSON object"},
        BadHeader{"unclaimed", "{}", 1, "0 bytes of data and the file holds 1"},
        BadHeader{"truncated", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7, "the file holds 7"},
        BadHeader{
            "duplicate",
            R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
            1, "\"a\" occurs twice"},
        BadHeader{"duplicate_field", R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
                  "\"dtype\" occurs twice"},
        BadHeader{"unknown_field", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1, "exactly"},
        BadHeader{"missing_field", R"({"a":{"dtype":"U8","shape":[1]}})", 1, "exactly"},
        BadHeader{"entry_no_object", R"({"a":1})", 0, "exactly"},
        BadHeader{"dtype", R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4, "unsupported dtype F31"},
        BadHeader{"dtype_number", R"({"a":{"dtype":3,"shape":[1],"data_offsets":[0,4]}})", 4, "unsupported dtype 3"},
        BadHeader{"shape_text", R"({"a":{"dtype":"U8","shape":"1","data_offsets":[0,1]}})", 1, "shape is not a list"},
        BadHeader{"negative", R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "not a natural number"},
        BadHeader{"fraction", R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1, "not a natural number"},
        BadHeader{"overflow", R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0,
                  "shape is too large"},
        BadHeader{"overflow_beside_zero",
                  R"({"a":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}})", 0,
                  "shape is too large"},
        BadHeader{"huge_number", R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}})", 1,
                  "too large"},
        BadHeader{"one_offset", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "not a pair"},
        BadHeader{"backwards", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, "run backwards"},
        BadHeader{"span", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
                  "needs 8 bytes and data_offsets span 4"},
        BadHeader{
            "gap",
            R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
            3, "gap or overlap"},
        BadHeader{
            "overlap",
            R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
            3, "gap or overlap"},
        BadHeader{"beyond", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[9,10]}})", 1, "gap or overlap"},
        BadHeader{"metadata_list", R"({"__metadata__":[]})", 0, "__metadata__ is not an object"},
        BadHeader{"metadata_number", R"({"__metadata__":{"a":1}})", 0, "is not a string"}),
    [](const testing::TestParamInfo<BadHeader>& test) { return std::string(test.param.name); });

TEST(Safetensors, RefusesBadLengths) {
  const TempFolder folder;
  const auto path = folder.path() / "bad.safetensors";
  const auto check = [&](const std::string& bytes, const std::string& part) {
    write_bytes(path, bytes);
    expect_checkpoint_error([&] { (void)read_safetensors(path); }, {part, "bad.safetensors"});
  };
  check("", "shorter than 8 bytes");
  check("1234567", "shorter than 8 bytes");
  check(std::string("\x10\0\0\0\0\0\0\0{}", 10), "longer than the file");
  check(std::string(8, '\xff') + "{}", "beyond the limit");
}

TEST(Safetensors, AcceptsAnyOrderOfOffsetsAndPaddingBehindTheHeader) {
  const TempFolder folder;
  const auto path = folder.path() / "t.safetensors";
  write_with_header(
      path,
      R"({"z":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}    )",
      "\x01\x02");
  const TensorList tensors = read_safetensors(path).tensors;
  ASSERT_EQ(tensors.size(), 2U);
  EXPECT_EQ(tensors[0].first, "z");
  EXPECT_EQ(tensors[0].second.item<int64_t>(), 2);
  EXPECT_EQ(tensors[1].second.item<int64_t>(), 1);
}

}  // namespace
}  // namespace tern::test
