#include "engine/checkpoint/reader.h"

#include "engine/checkpoint/run_lock.h"
#include "engine/checkpoint/store.h"
#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

// A run folder with steps 10, 20, 30.
class Reader : public testing::Test {
 protected:
  Reader() {
    for (const int64_t step : {10, 20, 30}) write_checkpoint(run(), make_snapshot(step));
  }
  [[nodiscard]] const fs::path& run() const { return folder_.path(); }
  [[nodiscard]] fs::path newest() const { return run() / "step_30"; }

  // The fallback must be step 20, and the message must say why 30 is out.
  void expect_fallback(const std::vector<std::string>& parts) {
    Messages messages;
    EXPECT_EQ(newest_valid_checkpoint(run(), messages.callback()), run() / "step_20");
    ASSERT_EQ(messages.lines.size(), 1U) << messages.text();
    EXPECT_NE(messages.lines[0].find("step_30 is not usable"), std::string::npos) << messages.text();
    for (const std::string& part : parts) {
      EXPECT_NE(messages.lines[0].find(part), std::string::npos) << messages.text() << "lacks: " << part;
    }
    expect_checkpoint_error([&] { (void)load_checkpoint(newest(), 0, 1); }, parts);
    expect_same(load_checkpoint(run() / "step_20", 0, 1), make_snapshot(20));
  }

  TempFolder folder_;
};

TEST_F(Reader, TakesTheNewest) {
  Messages messages;
  EXPECT_EQ(newest_valid_checkpoint(run(), messages.callback()), newest());
  EXPECT_EQ(messages.text(), "");
}

TEST_F(Reader, FallsBackFromAFlippedBitInAnyFile) {
  for (const auto& entry : fs::directory_iterator(newest())) {
    SCOPED_TRACE(entry.path());
    const std::string bytes = read_bytes(entry.path());
    flip_bit(entry.path(), static_cast<int64_t>(bytes.size() / 2));
    expect_fallback({entry.path().filename().string()});
    write_bytes(entry.path(), bytes);
  }
}

TEST_F(Reader, FallsBackFromATruncatedFile) {
  const fs::path file = newest() / "optimizer.rank0-of-1.safetensors";
  fs::resize_file(file, fs::file_size(file) - 1);
  expect_fallback({"optimizer.rank0-of-1.safetensors", "bytes and the manifest says"});
}

TEST_F(Reader, FallsBackFromAMissingFile) {
  fs::remove(newest() / "model.safetensors");
  expect_fallback({"model.safetensors", "missing"});
}

TEST_F(Reader, FallsBackFromAMissingManifest) {
  fs::remove(newest() / "manifest.json");
  expect_fallback({"no manifest.json"});
}

TEST_F(Reader, FallsBackFromAnEmptyFolder) {
  fs::remove_all(newest());
  fs::create_directory(newest());
  expect_fallback({"no manifest.json"});
}

TEST_F(Reader, SaysSoForEachDamagedOneUntilNothingIsLeft) {
  for (const int step : {10, 20, 30}) flip_bit(run() / ("step_" + std::to_string(step)) / "model.safetensors", -1);
  Messages messages;
  EXPECT_EQ(newest_valid_checkpoint(run(), messages.callback()), std::nullopt);
  EXPECT_EQ(messages.lines.size(), 3U) << messages.text();
}

TEST_F(Reader, NothingInAnEmptyOrMissingFolder) {
  const TempFolder empty;
  Messages messages;
  EXPECT_EQ(newest_valid_checkpoint(empty.path(), messages.callback()), std::nullopt);
  EXPECT_EQ(newest_valid_checkpoint(empty.path() / "missing", messages.callback()), std::nullopt);
  EXPECT_EQ(messages.text(), "");
}

TEST_F(Reader, LeavesHalfWrittenFoldersToTheProcessThatWrites) {
  fs::create_directory(run() / "step_40.writing");
  Messages messages;
  {
    const RunLock writing(run());
    EXPECT_EQ(newest_valid_checkpoint(run(), messages.callback()), newest());
    EXPECT_TRUE(fs::exists(run() / "step_40.writing"));
  }
  EXPECT_EQ(newest_valid_checkpoint(run(), messages.callback()), newest());
  EXPECT_FALSE(fs::exists(run() / "step_40.writing"));
}

TEST_F(Reader, FindingOnlyChangesNothing) {
  fs::create_directory(run() / "step_40.writing");
  Messages messages;
  EXPECT_EQ(find_newest_valid(run(), messages.callback()), newest());
  EXPECT_TRUE(fs::exists(run() / "step_40.writing"));
}

TEST_F(Reader, RefusesAnotherWorldSize) {
  expect_checkpoint_error([&] { (void)load_checkpoint(newest(), 0, 4); },
                          {"written by 1 process(es)", "this run has 4", "step_30", "load_checkpoint"});
}

}  // namespace
}  // namespace tern::test
