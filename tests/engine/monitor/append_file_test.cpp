#include "engine/monitor/append_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "tests/engine/monitor/full_disk.h"
#include "tests/support/temp_folder.h"

namespace tern {
namespace {

using test::TempFolder;

TEST(AppendFile, AppendsBehindWhatIsThere) {
  const TempFolder folder;
  write_file_atomically(folder / "log", "one\n");
  AppendFile file(folder / "log", AppendFile::Sharing::shared);
  EXPECT_TRUE(file.append("two\n"));
  EXPECT_EQ(read_file(folder / "log"), "one\ntwo\n");
}

TEST(AppendFile, FullDiskLosesNothingAndLeavesNoHalfLine) {
  const TempFolder folder;
  AppendFile file(folder / "log", AppendFile::Sharing::shared);
  ASSERT_TRUE(file.append("0123456\n"));
  {
    const FullDisk disk(12);
    EXPECT_FALSE(file.append("abcdefg\n"));
    EXPECT_FALSE(file.reason().empty());
    EXPECT_EQ(read_file(folder / "log"), "0123456\n");
    EXPECT_FALSE(file.append("hijklmn\n"));
    EXPECT_FALSE(file.sync());
    EXPECT_EQ(read_file(folder / "log"), "0123456\n");
  }
  EXPECT_TRUE(file.append("opqrstu\n"));
  EXPECT_EQ(read_file(folder / "log"), "0123456\nabcdefg\nhijklmn\nopqrstu\n");
  EXPECT_EQ(file.lost_bytes(), 0U);
}

TEST(AppendFile, WaitingTextIsBounded) {
  const TempFolder folder;
  AppendFile file(folder / "log", AppendFile::Sharing::shared);
  const FullDisk disk(0);
  const std::string megabyte(size_t{1} << 20, 'x');
  for (int i = 0; i < 70; ++i) EXPECT_FALSE(file.append(megabyte));
  EXPECT_EQ(file.lost_bytes(), uint64_t{6} << 20);
}

TEST(AppendFile, SecondWriterIsRefused) {
  const TempFolder folder;
  const AppendFile first(folder / "log", AppendFile::Sharing::exclusive);
  try {
    const AppendFile second(folder / "log", AppendFile::Sharing::exclusive);
    FAIL() << "two processes would interleave their rows";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(std::string(error.what()), "another process is writing this file, " + (folder / "log").string() +
                                             ", stop it first, or give this run another folder");
  }
}

TEST(AppendFile, MissingFolderIsAnError) {
  const TempFolder folder;
  try {
    const AppendFile file(folder / "missing/log", AppendFile::Sharing::shared);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(std::string(error.what()),
              "open for appending failed: No such file or directory, " + (folder / "missing/log").string());
  }
}

}  // namespace
}  // namespace tern
