// Several ranks that write one checkpoint, as writers in one process.
#include "engine/checkpoint/joint_write.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>

#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/writer.h"
#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

// What the ranks tell each other.
struct Board {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::string> texts;
};

class BoardPeers : public CheckpointPeers {
 public:
  explicit BoardPeers(Board& board) : board_(board) {}

  void publish(const std::string& key, const std::string& text) override {
    const std::lock_guard guard(board_.mutex);
    EXPECT_TRUE(board_.texts.emplace(key, text).second) << key;
    board_.changed.notify_all();
  }

  std::string await(const std::string& key) override {
    std::unique_lock guard(board_.mutex);
    board_.changed.wait(guard, [&] { return board_.texts.contains(key) || gave_up_; });
    if (!board_.texts.contains(key)) throw std::runtime_error("gave up");
    return board_.texts[key];
  }

  void give_up() override {
    const std::lock_guard guard(board_.mutex);
    gave_up_ = true;
    board_.changed.notify_all();
  }

 private:
  Board& board_;
  bool gave_up_ = false;
};

Snapshot snapshot_of(int rank, int world_size, int64_t step) {
  Snapshot snapshot = make_snapshot(step);
  snapshot.rank = rank;
  snapshot.world_size = world_size;
  snapshot.optimizer = {{"moment", counting(at::ScalarType::Float, {3 + rank})}};
  snapshot.counters = {{"rank", rank}};
  if (rank > 0) snapshot.model.clear();
  if (rank > 0) snapshot.ema.clear();
  return snapshot;
}

class JointWrites : public testing::Test {
 protected:
  CheckpointWriter& add(int rank, BeforeWrite before_write = {}) {
    return *writers_.emplace_back(std::make_unique<CheckpointWriter>(
        run_.path(), RetentionPolicy{.keep_last = 2}, messages_[static_cast<size_t>(rank)].callback(),
        std::move(before_write), CheckpointRank{rank, kRanks, std::make_unique<BoardPeers>(board_)}));
  }

  void save(int64_t step) {
    for (int rank = 0; rank < static_cast<int>(writers_.size()); ++rank) {
      writers_[static_cast<size_t>(rank)]->save(snapshot_of(rank, kRanks, step));
    }
    for (const auto& writer : writers_) writer->wait();
  }

  static constexpr int kRanks = 3;
  TempFolder run_;
  Board board_;
  std::array<Messages, kRanks> messages_;
  std::vector<std::unique_ptr<CheckpointWriter>> writers_;  // last: they use what stands above
};

TEST_F(JointWrites, EveryRankGetsItsPartBack) {
  for (int rank = 0; rank < kRanks; ++rank) add(rank);
  for (const int64_t step : {5, 6, 7}) save(step);
  EXPECT_FALSE(fs::exists(run_.path() / "step_5")) << "two are kept";
  EXPECT_EQ(verify_checkpoint(run_.path() / "step_7").files.size(), 8U) << "model, EMA, two of each rank";
  for (int rank = 0; rank < kRanks; ++rank) {
    EXPECT_EQ(writers_[static_cast<size_t>(rank)]->last_saved()->step, 7);
    const Snapshot loaded = load_checkpoint(run_.path() / "step_7", rank, kRanks), saved = snapshot_of(rank, kRanks, 7);
    expect_same(loaded.optimizer, saved.optimizer);
    EXPECT_EQ(loaded.counters, saved.counters);
    expect_same(loaded.model, snapshot_of(0, kRanks, 7).model);
    EXPECT_EQ(messages_[static_cast<size_t>(rank)].text(), "");
  }
  expect_checkpoint_error([&] { (void)load_checkpoint(run_.path() / "step_7", 0, 2); },
                          {"written by 3 process(es) and this run has 2"});
}

// Whichever rank fails, there is no checkpoint, and every rank knows it and can save the next one.
TEST_F(JointWrites, SucceedEverywhereOrNowhere) {
  for (int rank = 0; rank < kRanks; ++rank) {
    add(rank, [rank](const Snapshot& copy) {
      if (copy.step == 10 + rank) throw std::runtime_error("no space on rank " + std::to_string(rank));
    });
  }
  for (int64_t culprit = 0; culprit < kRanks; ++culprit) {
    save(10 + culprit);
    for (int rank = 0; rank < kRanks; ++rank) {
      const auto error = writers_[static_cast<size_t>(rank)]->last_error();
      ASSERT_TRUE(error) << rank;
      EXPECT_NE(error->find("no space on rank " + std::to_string(culprit)), std::string::npos) << *error;
    }
    EXPECT_EQ(find_newest_valid(run_.path(), [](const std::string&) {}), std::nullopt);
  }
  save(20);
  for (const auto& writer : writers_) EXPECT_EQ(writer->last_error(), std::nullopt);
  EXPECT_EQ(find_newest_valid(run_.path(), [](const std::string&) {}), run_.path() / "step_20");
  EXPECT_FALSE(fs::exists(run_.path() / "step_12.writing"));
}

// A rank that died never answers. The destructor doesn't wait for it.
TEST_F(JointWrites, AreGivenUpAtTheEnd) {
  add(0);
  writers_[0]->save(snapshot_of(0, kRanks, 5));
  writers_.clear();
  EXPECT_NE(messages_[0].text().find("gave up"), std::string::npos) << messages_[0].text();
  EXPECT_FALSE(fs::exists(run_.path() / "step_5"));
}

TEST_F(JointWrites, NeedAFolderThatAllRanksSee) {
  const TempFolder elsewhere;
  add(0);
  writers_.push_back(
      std::make_unique<CheckpointWriter>(elsewhere.path(), RetentionPolicy{}, messages_[1].callback(), BeforeWrite{},
                                         CheckpointRank{1, kRanks, std::make_unique<BoardPeers>(board_)}));
  writers_.push_back(
      std::make_unique<CheckpointWriter>(run_.path(), RetentionPolicy{}, messages_[2].callback(), BeforeWrite{},
                                         CheckpointRank{2, kRanks, std::make_unique<BoardPeers>(board_)}));
  save(5);
  for (const Messages& messages : messages_) {
    EXPECT_NE(messages.text().find("rank 1 doesn't see the folder of rank 0"), std::string::npos) << messages.text();
  }
}

}  // namespace
}  // namespace tern::test
