// Broken processes, disks and permissions, all of them real.
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <sstream>

#include <fmt/format.h>

#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/store.h"
#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

// A checkpoint_saver and what it printed.
class Saver {
 public:
  explicit Saver(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), CHECKPOINT_SAVER);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addclose(&actions, ends[0]);
    if (::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) throw std::runtime_error("spawn");
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
  }
  ~Saver() {
    if (!done_) kill();
    ::close(output_);
  }
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;

  // Returns when so many checkpoints were reported, at the latest when the saver ends.
  void read_until_saved(int count) {
    while (saved_ < count && read_some()) {
    }
  }

  void kill() {
    ::kill(pid_, SIGKILL);
    finish();
  }

  // Waits for the end; the exit code, or minus the signal.
  int finish() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    done_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  // The last step reported as saved; -1: none.
  [[nodiscard]] int64_t last_saved() const { return last_saved_; }

 private:
  bool read_some() {
    char buffer[4096];
    const ssize_t size = ::read(output_, buffer, sizeof(buffer));
    if (size <= 0) return false;
    text_.append(buffer, static_cast<size_t>(size));
    saved_ = 0;
    std::istringstream lines(text_);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("saved ")) continue;
      ++saved_;
      last_saved_ = std::stoll(line.substr(6));
    }
    return true;
  }

  pid_t pid_ = 0;
  int output_ = -1;
  bool done_ = false;
  int saved_ = 0;
  int64_t last_saved_ = -1;
  std::string text_;
};

constexpr int64_t kBig = 12 << 20;

Snapshot expected_snapshot(int64_t step) {
  return step % 3 == 0 ? make_big_snapshot(step, kBig) : make_snapshot(step);
}

// Leftovers of a killed writer are gone, and every folder that bears a checkpoint's name is one.
void expect_clean(const fs::path& run) {
  for (const auto& entry : fs::directory_iterator(run)) {
    ASSERT_TRUE(parse_step_folder(entry.path().filename().string())) << entry.path();
    verify_checkpoint(entry.path());
  }
}

TEST(Fault, KilledAtAnyMomentItLosesAtMostTheWriteInFlight) {
  const TempFolder run;
  std::mt19937 random(20240607);
  std::uniform_int_distribution<int> lines(0, 4);
  std::uniform_int_distribution<int> microseconds(0, 40'000);
  int64_t newest_step = 0;  // 0: nothing yet
  int killed_with_leftovers = 0;
  for (int round = 0; round < 36; ++round) {
    SCOPED_TRACE(round);
    // Half of the runs start with the step that is there already, which replaces it.
    const int64_t first = std::max<int64_t>(1, newest_step + round % 2);
    Saver saver({run.path(), std::to_string(first), "0", std::to_string(kBig)});
    saver.read_until_saved(lines(random));
    ::usleep(static_cast<useconds_t>(microseconds(random)));
    saver.kill();
    for (const auto& entry : fs::directory_iterator(run.path())) {
      killed_with_leftovers += parse_step_folder(entry.path().filename().string()) ? 0 : 1;
    }

    Messages messages;
    const std::optional<fs::path> newest = newest_valid_checkpoint(run.path(), messages.callback());
    EXPECT_EQ(messages.text(), "");
    expect_clean(run.path());
    const int64_t acknowledged = std::max(saver.last_saved(), newest_step);
    if (acknowledged == 0 && !newest) continue;
    ASSERT_TRUE(newest) << saver.text();
    const Snapshot loaded = load_checkpoint(*newest, 0, 1);
    // The saver may have been killed between the rename and its word about it.
    EXPECT_GE(loaded.step, acknowledged);
    EXPECT_LE(loaded.step, std::max(first, acknowledged + 1));
    expect_same(loaded, expected_snapshot(loaded.step));
    newest_step = loaded.step;
  }
  EXPECT_GT(newest_step, 36);
  EXPECT_GT(killed_with_leftovers, 3) << "no kill hit a write";
}

TEST(Fault, FileSizeLimitStopsOneCheckpointNotTheRun) {
  const TempFolder run;
  Saver saver({run.path(), "1", "5", std::to_string(kBig), "file-limit=1000000"});
  ASSERT_EQ(saver.finish(), 0) << saver.text();
  const std::string& text = saver.text();
  EXPECT_NE(text.find("saved 2"), std::string::npos) << text;
  EXPECT_NE(text.find("failed 3: checkpoint of step 3 was not written: write failed: File too large"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("model.safetensors"), std::string::npos) << text;
  EXPECT_NE(text.find("saved 5"), std::string::npos) << text;
  EXPECT_NE(text.find("newest 5"), std::string::npos) << text;
  expect_clean(run.path());
}

TEST(Fault, FullDiskStopsOneCheckpointNotTheRun) {
  const TempFolder run;
  Saver saver({run.path(), "1", "5", std::to_string(kBig), "tmpfs=4000000"});
  const int code = saver.finish();
  if (code == 77) GTEST_SKIP() << "no tmpfs can be mounted here";
  ASSERT_EQ(code, 0) << saver.text();
  const std::string& text = saver.text();
  EXPECT_NE(text.find("failed 3: checkpoint of step 3 was not written: write failed: No space left on device"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("free some space; older checkpoints are kept"), std::string::npos) << text;
  EXPECT_NE(text.find("saved 5"), std::string::npos) << text;
  EXPECT_NE(text.find("newest 5"), std::string::npos) << text;
}

TEST(Fault, ReadOnlyRunFolderIsReportedAndTheRunGoesOn) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(1));
  fs::permissions(run.path(), fs::perms(0555));
  Saver saver({run.path(), "2", "2", "1", "nobody"});
  const int code = saver.finish();
  fs::permissions(run.path(), fs::perms(0755));
  if (code == 77) GTEST_SKIP() << "this user can't become nobody";
  ASSERT_EQ(code, 0) << saver.text();
  EXPECT_NE(
      saver.text().find("failed 2: checkpoint of step 2 was not written: create folder failed: Permission denied"),
      std::string::npos)
      << saver.text();
  EXPECT_NE(saver.text().find("failed 3"), std::string::npos) << saver.text();
  EXPECT_NE(saver.text().find("newest 1"), std::string::npos) << saver.text();
  expect_same(load_checkpoint(run.path() / "step_1", 0, 1), make_snapshot(1));
}

TEST(Fault, CheckpointThatCannotBeDeletedIsReportedAndTheRunGoesOn) {
  const TempFolder run;
  fs::permissions(run.path(), fs::perms(0777));
  write_checkpoint(run.path(), make_snapshot(1));
  fs::permissions(run.path() / "step_1", fs::perms(0555));
  Saver saver({run.path(), "2", "4", "1", "nobody"});
  const int code = saver.finish();
  for (const char* name : {"step_1", "step_1.deleting"}) {
    if (fs::exists(run.path() / name)) fs::permissions(run.path() / name, fs::perms(0755));
  }
  if (code == 77) GTEST_SKIP() << "this user can't become nobody";
  ASSERT_EQ(code, 0) << saver.text();
  EXPECT_NE(saver.text().find("message: an old checkpoint can't be deleted: remove failed: Permission denied"),
            std::string::npos)
      << saver.text();
  EXPECT_NE(saver.text().find("saved 5"), std::string::npos) << saver.text();
  EXPECT_NE(saver.text().find("newest 5"), std::string::npos) << saver.text();
}

}  // namespace
}  // namespace tern::test
