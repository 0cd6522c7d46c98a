// Threads that go through one function together: shares and pieces cover the work once, and a meeting lets nobody pass
// before all are there.
#include "kernels/common/team.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tests/kernels/cases.h"

namespace tern::test {
namespace {

constexpr std::array kSizes = {1, 2, 3, 7};

class KernelTeam : public testing::TestWithParam<int> {
 protected:
  KernelTeam() { at::set_num_threads(GetParam()); }
  ~KernelTeam() override { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

TEST_P(KernelTeam, StartsAThreadPerMember) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::set<int64_t> members;
  const int64_t size = kernels::max_team_size();
  kernels::run_team([&](const kernels::Team& team) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    members.insert(team.index());
    EXPECT_EQ(team.size(), size);
    if (size > 1) kernels::run_team([](const kernels::Team& inner) { EXPECT_EQ(inner.size(), 1); });
  });
  EXPECT_EQ(static_cast<int64_t>(threads.size()), size);
  EXPECT_EQ(*members.rbegin(), size - 1);
}

TEST_P(KernelTeam, SharesCoverTheWorkOnce) {
  for (const int64_t total : {0, 1, 5, 64, 1001}) {
    for (const int64_t unit : {1, 4, 7}) {
      std::vector<int> touched(static_cast<size_t>(total), 0);
      kernels::run_team([&](const kernels::Team& team) {
        const auto [begin, end] = team.share(total, unit);
        EXPECT_TRUE(end == total || end % unit == 0);
        for (int64_t i = begin; i < end; ++i) ++touched[static_cast<size_t>(i)];
      });
      EXPECT_EQ(std::vector<int>(touched.size(), 1), touched) << total << " " << unit;
    }
  }
}

TEST_P(KernelTeam, PiecesCoverTheWorkOnceAfterEveryMeeting) {
  constexpr int kRounds = 50;
  std::vector<int> touched(1001, 0);
  kernels::run_team([&](kernels::Team& team) {
    for (int round = 0; round < kRounds; ++round) {
      team.take_pieces(std::ssize(touched), 8, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++touched[static_cast<size_t>(i)];
      });
      team.meet();
    }
  });
  EXPECT_EQ(std::vector<int>(touched.size(), kRounds), touched);
}

// Every member's number is there after every meeting, those of members that dawdle, too.
TEST_P(KernelTeam, MeetingsWaitForAll) {
  constexpr int kRounds = 300;
  std::array<int, 16> rounds{};
  kernels::run_team([&](kernels::Team& team) {
    for (int round = 1; round <= kRounds; ++round) {
      if (round % 100 == 0 && team.index() == round / 100 % team.size()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      rounds[static_cast<size_t>(team.index())] = round;
      team.meet();
      for (int64_t member = 0; member < team.size(); ++member) {
        EXPECT_EQ(rounds[static_cast<size_t>(member)], round);
      }
      team.meet();
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Threads, KernelTeam, testing::ValuesIn(kSizes));

}  // namespace
}  // namespace tern::test
