// tern_launch with small shell scripts as ranks.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "tests/support/process.h"

namespace tern::test {
namespace {

std::vector<std::string> command(const std::vector<std::string>& flags, const std::string& script) {
  std::vector<std::string> words = {TERN_BIN "/tern_launch"};
  words.insert(words.end(), flags.begin(), flags.end());
  words.insert(words.end(), {"sh", "-c", script});
  return words;
}

std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::ranges::sort(lines);
  return lines;
}

using Lines = std::vector<std::string>;

TEST(Launch, TellsEveryRankItsPlaceAndMarksItsLines) {
  const ProcessResult result = run_process(command({"--nproc_per_node=3"},
                                                   "echo $RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $MASTER_ADDR; "
                                                   "printf 'no end of line' >&2"));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(sorted_lines(result.out),
            (Lines{"0 3 0 3 127.0.0.1", "[rank 1] 1 3 1 3 127.0.0.1", "[rank 2] 2 3 2 3 127.0.0.1"}));
  EXPECT_NE(result.err.find("[rank 2] no end of line\n"), std::string::npos) << result.err;
}

TEST(Launch, OnOneOfSeveralMachinesCountsOn) {
  const std::string print = "echo $RANK $WORLD_SIZE $LOCAL_RANK $MASTER_ADDR $MASTER_PORT";
  const ProcessResult result = run_process(
      command({"--nnodes=3", "--node-rank", "2", "--nproc-per-node=2", "--rdzv-endpoint=gpu01:1234", "--"}, print));
  EXPECT_EQ(sorted_lines(result.out), (Lines{"4 6 0 gpu01 1234", "[rank 5] 5 6 1 gpu01 1234"}));
  const ProcessResult standard = run_process(command({"--nnodes=2", "--master-addr=gpu01"}, print));
  EXPECT_EQ(standard.out, "0 2 0 gpu01 29500\n");
}

TEST(Launch, SharesTheCoresUnlessToldOtherwise) {
  const std::string print = "test $RANK = 0 && echo $OMP_NUM_THREADS; true";
  EXPECT_EQ(run_process(command({"--nproc-per-node=64"}, print)).out, "1\n");
  EXPECT_EQ(run_process(command({"--nproc-per-node=64"}, print),
                        {.folder = {}, .max_file_bytes = {}, .environment = {{"OMP_NUM_THREADS", "5"}}})
                .out,
            "5\n");
}

TEST(Launch, EndsTheOthersWhenOneFailsAndReturnsItsCode) {
  const ProcessResult result =
      run_process(command({"--nproc-per-node=3", "--grace=0"}, "test $RANK = 1 && exit 3; sleep 1000"));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(sorted_lines(result.err)[0], "tern_launch: 2 ranks didn't end within 0 s and are killed") << result.err;
}

// A 6 says that another rank failed; its code says why.
TEST(Launch, ReturnsTheCauseAndNotTheConsequence) {
  EXPECT_EQ(run_process(command({"--nproc-per-node=2"}, "test $RANK = 1 && exit 6; sleep 0.3; exit 4")).exit_code, 4);
  EXPECT_EQ(run_process(command({"--nproc-per-node=2"}, "test $RANK = 1 && exit 6; exit 0")).exit_code, 6);
  EXPECT_EQ(run_process(command({"--nproc-per-node=2"}, "kill -9 $$")).exit_code, 128 + SIGKILL);
}

TEST(Launch, PassesSignalsOnAndWaits) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Process launch(command({"--nproc-per-node=2", "--grace=0"},
                           "trap 'sleep 0.$((RANK * 3)); echo saved; exit " + std::to_string(128 + signal) +
                               "' TERM INT; echo ready >&2; while :; do sleep 0.05; done"));
    ASSERT_TRUE(launch.wait_until([&] { return sorted_lines(launch.err_so_far()).size() == 2; }));
    launch.send_signal(signal);
    const ProcessResult result = launch.wait();
    EXPECT_EQ(result.exit_code, 128 + signal) << result.err;
    EXPECT_EQ(sorted_lines(result.out), (Lines{"[rank 1] saved", "saved"})) << "a stop is no failure: nobody is killed";
  }
}

TEST(Launch, RefusesWhatMakesNoJob) {
  const auto refused = [](const std::vector<std::string>& flags, const std::string& message, int code = 2) {
    const ProcessResult result = run_process(command(flags, "exit 0"));
    EXPECT_EQ(result.exit_code, code);
    EXPECT_EQ(result.err, "error: " + message + "\n");
  };
  refused({"--nproc-per-node=0"}, "0 is outside 1 to 4096, --nproc-per-node, give a value in this range");
  refused({"--nnodes=2"},
          "a job of 2 machines needs the address of machine 0, --master-addr, add --master-addr HOST, the same on "
          "every machine");
  refused({"--nnodes=2", "--node-rank=2", "--master-addr=a"}, "machine 2 of 2, --node-rank, they count from 0");
  refused({"--rdzv-endpoint=host"}, "'host' is not HOST:PORT, --rdzv-endpoint, e.g. gpu01:29500");
  refused({"--rdzv-endpoint=host:1", "--master-addr=a"},
          "says the same as --master-addr and --master-port, --rdzv-endpoint, give one or the other");
  refused({"--standalone", "--nnodes=2", "--master-addr=a"},
          "--standalone means one machine and any free port, command line, leave it out");
  refused({"no_such_program"},
          "can't start the program: No such file or directory, no_such_program, give its path, "
          "or a name that is in PATH");
  const ProcessResult nothing = run_process({TERN_BIN "/tern_launch"});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_TRUE(nothing.err.starts_with("error: no program to start")) << nothing.err;
}

}  // namespace
}  // namespace tern::test
