// Jobs of real processes that meet over TCP on the loopback: what they compute together, and what each says when
// another one is not as it should be.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace tern::test {
namespace {

ProcessResult launch(const std::string& scenario, int ranks, const std::map<std::string, std::string>& environment = {},
                     const std::vector<std::string>& flags = {}) {
  std::vector<std::string> command = {TERN_BIN "/tern_launch", "--nproc-per-node", std::to_string(ranks)};
  command.insert(command.end(), flags.begin(), flags.end());
  command.insert(command.end(), {DISTRIBUTED_WORKER, scenario});
  return run_process(command, {.folder = {}, .max_file_bytes = {}, .environment = environment});
}

void expect_text(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in " << text;
}

class ProcessGroups : public testing::TestWithParam<int> {};

TEST_P(ProcessGroups, ComputeTheSameOnEveryRank) {
  const ProcessResult result = launch("compute", GetParam());
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_P(ProcessGroups, TakeTheStepThatOneProcessTakesWithTheMeanGradient) {
  const ProcessResult result = launch("exchange", GetParam());
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_P(ProcessGroups, ClipTheirOwnGradientsWhereTheScheduleSaysSo) {
  for (const char* scenario : {"clip", "clip_infinite"}) {
    const ProcessResult result = launch(scenario, GetParam());
    EXPECT_EQ(result.exit_code, 0) << scenario << ": " << result.err;
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, ProcessGroups, testing::Values(2, 3, 5));

TEST(ProcessGroupFault, ARankThatFailsIsNamedWithItsReason) {
  const ProcessResult result = launch("fail", 3);
  EXPECT_EQ(result.exit_code, 3) << result.err;
  expect_text(result.err,
              {"[rank 1] error: row 7 is damaged, shard_00003.parquet\n", "error: rank 0 of 3 failed in ",
               ": rank 1 (process ", ") failed: row 7 is damaged, shard_00003.parquet, ",
               "tern_launch: rank 1 ended with exit code 3\n", "tern_launch: rank 2 ended with exit code 6\n"});
  EXPECT_EQ(result.err.find("Exception raised"), std::string::npos) << "a stack trace: " << result.err;
}

TEST(ProcessGroupFault, ARankThatIsKilledIsNamed) {
  const ProcessResult result = launch("signal", 3);
  EXPECT_EQ(result.exit_code, 128 + SIGKILL) << result.err;
  expect_text(result.err, {"tern_launch: rank 1 was killed by signal 9\n", "error: rank 0 of 3 failed in ",
                           "[rank 2] error: rank 2 of 3 failed in ", ": rank 1 (process ", ") is gone, "});
}

TEST(ProcessGroupFault, ARankThatStandsStillIsNamedAfterTheLimit) {
  const ProcessResult result = launch("stall", 2, {{"TERN_COLLECTIVE_TIMEOUT", "2"}}, {"--grace=0"});
  EXPECT_EQ(result.exit_code, 128 + SIGKILL) << "the one that stands still had to be killed: " << result.err;
  expect_text(result.err, {"error: rank 0 of 2 failed in ", ": rank 1 (process ", ") is gone, ",
                           "tern_launch: 1 ranks didn't end within 0 s and are killed\n"});
}

TEST(ProcessGroupFault, RanksWithOtherArgumentsAreRefused) {
  const ProcessResult result = launch("differ", 2);
  EXPECT_EQ(result.exit_code, 6);
  expect_text(result.err, {"error: rank 1 has another configuration than rank 0, start every process with the same "
                           "arguments\n"});
}

// A socket on a port of its own; nobody accepts connections.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = std::to_string(::ntohs(address.sin_port));
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  [[nodiscard]] const std::string& port() const { return port_; }

 private:
  int fd_;
  std::string port_;
};

std::string free_port() {
  return Listener().port();
}

struct Place {
  int rank;
  int world_size;
  std::string port;
  std::string limit = "2";  // seconds
};

// A process started without a launcher, as by hand or by another one.
std::unique_ptr<Process> start(const Place& place) {
  return std::make_unique<Process>(std::vector<std::string>{DISTRIBUTED_WORKER, "compute"},
                                   ProcessOptions{.folder = {},
                                                  .max_file_bytes = {},
                                                  .environment = {{"RANK", std::to_string(place.rank)},
                                                                  {"WORLD_SIZE", std::to_string(place.world_size)},
                                                                  {"MASTER_ADDR", "127.0.0.1"},
                                                                  {"MASTER_PORT", place.port},
                                                                  {"TERN_RENDEZVOUS_TIMEOUT", place.limit}}});
}

void expect_failure(const ProcessResult& result, const std::string& message) {
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_EQ(result.err, "error: " + message + "\n");
}

TEST(Rendezvous, NeedsNoLauncher) {
  const std::string port = free_port();
  const auto second = start({1, 2, port, "60"}), first = start({0, 2, port, "60"});
  EXPECT_EQ(first->wait().exit_code, 0);
  EXPECT_EQ(second->wait().exit_code, 0);
}

TEST(Rendezvous, WithoutRankZeroSaysWhereItWasLookedFor) {
  const std::string port = free_port();
  expect_failure(start({1, 2, port})->wait(),
                 "rank 1 of 2 could not reach rank 0 within 2 s: connection refused, 127.0.0.1:" + port +
                     ", check MASTER_ADDR and MASTER_PORT, and that rank 0 runs");
}

TEST(Rendezvous, NamesTheRanksThatAreMissing) {
  const std::string port = free_port();
  const auto first = start({0, 4, port}), third = start({2, 4, port, "60"});
  expect_failure(first->wait(), "rank 0 of 4 waited 2 s for ranks 1, 3, 127.0.0.1:" + port +
                                    ", look at their output; TERN_RENDEZVOUS_TIMEOUT is the limit in seconds");
  const ProcessResult result = third->wait();
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_TRUE(result.err.starts_with("error: rank 2 of 4 lost rank 0 while the ranks met: ")) << result.err;
}

TEST(Rendezvous, OnATakenPortSaysSo) {
  const Listener listener;
  expect_failure(start({0, 2, listener.port()})->wait(),
                 "rank 0 can't listen: the port is taken, port " + listener.port() + ", choose another MASTER_PORT");
}

TEST(Rendezvous, WithSomethingElseThanRankZeroEnds) {
  const Listener listener;
  const ProcessResult result = start({1, 2, listener.port()})->wait();
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_TRUE(result.err.starts_with("error: rank 1 of 2 found something else than rank 0: ")) << result.err;
}

TEST(Rendezvous, OfTwoProcessesWithOneRankTheSecondEnds) {
  const std::string port = free_port();
  const auto first = start({0, 3, port, "10"}), one = start({1, 3, port, "10"}), other = start({1, 3, port, "10"});
  const std::string expected = "error: another process is rank 1 of 3, 127.0.0.1:" + port +
                               ", give every process a RANK of its own, and every job a MASTER_PORT of its own\n";
  const ProcessResult first_of_two = one->wait(), second_of_two = other->wait();
  EXPECT_EQ(first->wait().exit_code, 6);
  EXPECT_EQ(first_of_two.exit_code, 6);
  EXPECT_EQ(second_of_two.exit_code, 6);
  EXPECT_NE(first_of_two.err == expected, second_of_two.err == expected) << first_of_two.err << second_of_two.err;
}

TEST(Rendezvous, OfJobsOfDifferentSizesEnds) {
  const std::string port = free_port();
  const auto first = start({0, 2, port}), second = start({1, 3, port});
  expect_failure(first->wait(), "rank 1 was started as one of 3 ranks, rank 0 of 2 as one of 2, 127.0.0.1:" + port +
                                    ", start every process with the same WORLD_SIZE");
  EXPECT_EQ(second->wait().exit_code, 6);
}

}  // namespace
}  // namespace tern::test
