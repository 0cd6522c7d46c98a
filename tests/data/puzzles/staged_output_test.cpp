#include "data/puzzles/staged_output.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "tests/support/temp_folder.h"

namespace tern::puzzles {
namespace {

using Kind = StagedOutput::Kind;
namespace fs = std::filesystem;

class Staged : public testing::Test {
 protected:
  static void put(const fs::path& file, const std::string& content) { std::ofstream(file) << content; }

  std::string error_of(Kind kind, bool force) const {
    try {
      const StagedOutput output(target_, kind, force);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::data);
      return e.what();
    }
    return "no error";
  }

  tern::test::TempFolder folder_;
  const fs::path target_ = folder_ / "out";
  const fs::path staging_ = folder_ / "out.partial";
};

TEST_F(Staged, AppearsOnlyWhenCommitted) {
  {
    StagedOutput output(target_, Kind::folder, false);
    put(output.folder() / "a", "1");
    EXPECT_FALSE(fs::exists(target_));
    output.commit();
  }
  EXPECT_EQ(read_file(target_ / "a"), "1");
  EXPECT_FALSE(fs::exists(staging_));
}

TEST_F(Staged, LeavesNothingWhenNotCommitted) {
  {
    const StagedOutput output(target_, Kind::folder, false);
    put(output.folder() / "a", "1");
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(Staged, TakesThePlaceOfAnEmptyFolder) {
  fs::create_directory(target_);
  StagedOutput output(target_.string() + "/", Kind::folder, false);
  put(output.folder() / "a", "1");
  output.commit();
  EXPECT_EQ(read_file(target_ / "a"), "1");
}

TEST_F(Staged, RefusesAnOccupiedTargetAndLeavesItAlone) {
  fs::create_directory(target_);
  put(target_ / "old", "0");
  EXPECT_EQ(error_of(Kind::folder, false), "output folder is not empty, " + target_.string() + ", --force replaces it");
  EXPECT_EQ(read_file(target_ / "old"), "0");
  EXPECT_FALSE(fs::exists(staging_));
}

TEST_F(Staged, ForceReplacesOnlyAtTheEnd) {
  fs::create_directory(target_);
  put(target_ / "old", "0");
  {
    StagedOutput output(target_, Kind::folder, true);
    put(output.folder() / "new", "1");
    EXPECT_EQ(read_file(target_ / "old"), "0");
    output.commit();
  }
  EXPECT_EQ(read_file(target_ / "new"), "1");
  EXPECT_FALSE(fs::exists(target_ / "old"));
  EXPECT_FALSE(fs::exists(staging_));
}

TEST_F(Staged, PutsASingleFileInPlace) {
  for (const char* content : {"1", "2"}) {
    StagedOutput output(target_, Kind::single_file, true);
    put(output.file(), content);
    output.commit();
    EXPECT_EQ(read_file(target_), content);
  }
  EXPECT_FALSE(fs::exists(staging_));
  EXPECT_EQ(error_of(Kind::single_file, false), "output exists, " + target_.string() + ", --force replaces it");
}

TEST_F(Staged, ClearsWhatAKilledProcessLeft) {
  fs::create_directory(staging_);
  put(staging_ / "rest", "x");
  StagedOutput output(target_, Kind::folder, false);
  output.commit();
  EXPECT_TRUE(fs::is_empty(target_));
}

TEST_F(Staged, RefusesASecondBuilder) {
  const StagedOutput first(target_, Kind::folder, false);
  put(first.folder() / "a", "1");
  EXPECT_EQ(error_of(Kind::folder, true), "another process is building this dataset, " + staging_.string() +
                                              ", wait for it, or choose another --output-dir");
  EXPECT_TRUE(fs::exists(first.folder() / "a"));
}

TEST_F(Staged, SaysWhyItCannotWrite) {
  put(target_, "a file");
  try {
    const StagedOutput output(target_ / "below", Kind::folder, false);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()), "output can't be written: Not a directory, " + (target_ / "below").string() +
                                         ", choose another --output-dir");
  }
}

}  // namespace
}  // namespace tern::puzzles
