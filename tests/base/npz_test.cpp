// npz archives as numpy writes them (stored, deflated, Zip64), and refusal of damaged ones.
#include "base/npz.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"

namespace tern {
namespace {

const std::filesystem::path kReference = std::filesystem::path(TERN_TEST_REFERENCE) / "npy";

// A file that is gone when the test ends.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content)
      : path_(std::filesystem::temp_directory_path() / ("tern_npz_" + std::to_string(::getpid()) + ".npz")) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string refusal(const std::string& content) {
  const TemporaryFile file(content);
  try {
    (void)read_npz(file.path());
  } catch (const Error& e) {
    EXPECT_EQ(exit_code(e.kind()), 3);
    EXPECT_NE(std::string(e.what()).find(file.path().string()), std::string::npos) << e.what();
    return e.what();
  }
  return "accepted";
}

TEST(Npz, ReadsStoredMembers) {
  const NpzArrays arrays = read_npz(kReference / "stored.npz");
  ASSERT_EQ(arrays.size(), 3U);
  EXPECT_EQ(arrays.at("small").to_int64(), (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(arrays.at("scalar").as<double>()[0], 2.5);
  EXPECT_TRUE(arrays.at("scalar").shape.empty());
  EXPECT_EQ(arrays.at("bytes").as<uint8_t>()[4], 4);
}

TEST(Npz, ReadsDeflatedMembers) {
  const NpzArrays arrays = read_npz(kReference / "deflated.npz");
  EXPECT_EQ(arrays.at("small").to_int64(), (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(arrays.at("zeros").shape, (std::vector<int64_t>{100, 100}));
  EXPECT_EQ(arrays.at("zeros").as<float>()[9999], 0.0F);
}

TEST(Npz, ReadsZip64Directory) {
  std::string whole = read_file(kReference / "zip64.npz");
  for (const bool saturated_end : {false, true}) {
    // Above 4 GB the old end record says "see the Zip64 record".
    if (saturated_end) std::fill_n(whole.end() - 14, 12, '\xff');
    const TemporaryFile file(whole);
    EXPECT_EQ(read_npz(file.path()).at("small").to_int64(), (std::vector<int64_t>{0, 1, 2, 3, 4, 5})) << saturated_end;
  }
}

TEST(Npz, MissingArrayIsNamedWithThoseThatAreThere) {
  const auto path = kReference / "deflated.npz";
  const NpzArrays arrays = read_npz(path);
  try {
    (void)require_array(arrays, "preds", path);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 ("array 'preds' is missing, " + path.string() + ", the archive holds: small, zeros").c_str());
  }
}

TEST(Npz, RefusesEveryTruncation) {
  const std::string whole = read_file(kReference / "deflated.npz");
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_NE(refusal(whole.substr(0, size)), "accepted") << size;
}

TEST(Npz, RefusesDamagedData) {
  std::string stored = read_file(kReference / "stored.npz");
  const size_t at = stored.find("\x93NUMPY") + 140;  // inside the first array's numbers
  stored[at] = static_cast<char>(stored[at] ^ 1);
  EXPECT_NE(refusal(stored).find("checksum"), std::string::npos);
}

TEST(Npz, RefusesOtherCompressionAndEncryption) {
  for (const auto& [offset, value, message] :
       {std::tuple{10, 12, "compression method 12"}, std::tuple{8, 1, "encrypted"}}) {
    std::string whole = read_file(kReference / "stored.npz");
    whole[whole.find("PK\x01\x02") + static_cast<size_t>(offset)] = static_cast<char>(value);
    EXPECT_NE(refusal(whole).find(message), std::string::npos) << message;
  }
}

TEST(Npz, RefusesAHostileSize) {
  std::string whole = read_file(kReference / "deflated.npz");
  const uint32_t claimed = 0x7fffffff;
  std::memcpy(whole.data() + whole.find("PK\x01\x02") + 24, &claimed, 4);
  EXPECT_NE(refusal(whole).find("damaged"), std::string::npos);
}

}  // namespace
}  // namespace tern
