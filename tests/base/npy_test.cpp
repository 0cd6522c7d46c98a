// npy headers byte for byte as numpy writes them, reading back what numpy wrote, and refusal of everything else.
#include "base/npy.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace tern {
namespace {

const std::filesystem::path kReference = std::filesystem::path(TERN_TEST_REFERENCE) / "npy";

std::string hex(const std::string& bytes) {
  std::string out;
  for (const unsigned char c : bytes) {
    out += "0123456789abcdef"[c >> 4];
    out += "0123456789abcdef"[c & 15];
  }
  return out;
}

NpyType type_of(const std::string& descr) {
  return {descr[1], descr[2] - '0'};
}

// A version 1.0 file with this header text and this many zero bytes of data.
std::string file_with(const std::string& header, size_t data_bytes) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + std::string(data_bytes, '\0');
}

NpyArray parse(const std::string& bytes) {
  auto copy = std::make_shared<std::string>(bytes);
  return parse_npy(std::as_bytes(std::span(*copy)), copy, "x.npy");
}

std::string refusal(const std::string& bytes) {
  try {
    (void)parse(bytes);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::data);
    EXPECT_NE(std::string(e.what()).find("x.npy"), std::string::npos) << e.what();
    return e.what();
  }
  return "accepted";
}

TEST(NpyHeader, EqualsNumpyByteForByte) {
  const auto cases = nlohmann::json::parse(read_file(kReference / "headers.json"));
  ASSERT_GT(cases.size(), 100U);
  for (const auto& c : cases) {
    const bool is_long = c.contains("ones");
    const auto shape =
        is_long ? std::vector<int64_t>(c["ones"].get<size_t>(), 1) : c["shape"].get<std::vector<int64_t>>();
    const std::string header = npy_header(type_of(c["descr"]), shape);
    if (is_long) {
      EXPECT_EQ(header.size(), c["size"].get<size_t>());
    }
    const std::string wanted = c["header"];
    EXPECT_EQ(hex(header).substr(0, is_long ? wanted.size() : std::string::npos), wanted) << c["descr"];
  }
}

TEST(NpyRead, ReadsEveryVersion) {
  for (const char* file : {"v1.npy", "v2.npy", "v3.npy"}) {
    const NpyArray array = open_npy(kReference / file);
    EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(array.to_int64(), (std::vector<int64_t>{0, 1, 2, 3, 4, 5})) << file;
    EXPECT_EQ(array.as<int32_t>()[5], 5);
  }
}

TEST(NpyRead, SavedFileEqualsNumpys) {
  const auto path = std::filesystem::temp_directory_path() / ("tern_npy_" + std::to_string(::getpid()) + ".npy");
  const std::vector<int32_t> values = {0, 1, 2, 3, 4, 5};
  save_npy(path, {'i', 4}, std::vector<int64_t>{2, 3}, std::as_bytes(std::span(values)));
  EXPECT_EQ(read_file(path), read_file(kReference / "v1.npy"));
  std::filesystem::remove(path);
}

TEST(NpyRead, WidensEveryIntegerType) {
  const std::string zeros(8, '\0');
  for (const char* descr : {"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8"}) {
    std::string bytes = npy_header(type_of(descr), std::vector<int64_t>{1});
    bytes += '\x01';
    bytes += std::string(static_cast<size_t>(type_of(descr).size) - 1, '\0');
    EXPECT_EQ(parse(bytes).to_int64(), (std::vector<int64_t>{1})) << descr;
  }
  EXPECT_THROW((void)parse(npy_header({'u', 8}, std::vector<int64_t>{1}) + std::string(8, '\xff')).to_int64(), Error);
  EXPECT_THROW((void)parse(npy_header({'f', 8}, std::vector<int64_t>{1}) + zeros).to_int64(), Error);
  EXPECT_THROW((void)parse(npy_header({'f', 8}, std::vector<int64_t>{1}) + zeros).as<float>(), Error);
}

TEST(NpyRead, UnalignedDataIsCopiedToAlignedMemory) {
  const std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), } \n";
  const NpyArray array = parse(file_with(header, 8));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(array.data.data()) % 8, 0U);
  EXPECT_EQ(array.as<double>()[0], 0.0);
}

TEST(NpyRefuse, FilesOfOtherKinds) {
  const std::map<std::string, std::string> files = {
      {"big_endian.npy", "big-endian"}, {"fortran.npy", "Fortran order"},  {"objects.npy", "Python objects"},
      {"strings.npy", "not supported"}, {"record.npy", "can't be parsed"}, {"headers.json", "not an npy file"},
      {"missing.npy", "No such file"}};
  for (const auto& [file, message] : files) {
    try {
      (void)open_npy(kReference / file);
      ADD_FAILURE() << file;
    } catch (const Error& e) {
      EXPECT_EQ(exit_code(e.kind()), 3);
      EXPECT_NE(std::string(e.what()).find(message), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find(file), std::string::npos) << e.what();
    }
  }
}

TEST(NpyRefuse, EveryTruncationAndTrailingBytes) {
  const std::string whole = read_file(kReference / "v1.npy");
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_NE(refusal(whole.substr(0, size)), "accepted") << size;
  EXPECT_NE(refusal(whole + "x").find("25 bytes of data where its header says 24"), std::string::npos);
}

TEST(NpyRefuse, BadHeaders) {
  const std::string good = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n";
  EXPECT_EQ(parse(file_with(good, 2)).shape, std::vector<int64_t>{2});
  EXPECT_EQ(parse(file_with("{\"shape\":(2,1),'fortran_order':False,'descr':'|u1'}", 2)).count(), 2);
  for (const char* header : {
           "",
           "{",
           "{}",
           "[]",
           "{'descr': '|u1'}",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (2)}",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (-2,)}",
           "{'descr': '|u1', 'fortran_order': 0, 'shape': (2,)}",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'x': 1}",
           "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,)}",
           "{'descr': '|u1' 'fortran_order': False, 'shape': (2,)}",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)} x",
           "{'descr': '|u3', 'fortran_order': False, 'shape': (2,)}",
           "{'descr': '|f1', 'fortran_order': False, 'shape': (2,)}",
           "{'descr': '|i4', 'fortran_order': False, 'shape': (2,)}",
           "{'descr': 'u1, 'fortran_order': False, 'shape': (2,)}",
       }) {
    EXPECT_NE(refusal(file_with(header, 2)), "accepted") << header;
  }
}

TEST(NpyRefuse, OverflowingShapes) {
  for (const char* shape : {"(9223372036854775807, 2)", "(4294967296, 4294967296)", "(99999999999999999999,)"}) {
    const std::string header = std::string("{'descr': '<f8', 'fortran_order': False, 'shape': ") + shape + "}";
    EXPECT_NE(refusal(file_with(header, 0)).find("overflows"), std::string::npos) << shape;
  }
  // An empty axis makes the array empty, however large the others are.
  EXPECT_EQ(parse(file_with("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 9223372036854775807)}", 0)).count(),
            0);
}

}  // namespace
}  // namespace tern
