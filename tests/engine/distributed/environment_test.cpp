#include "engine/distributed/environment.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"

namespace tern::test {
namespace {

using Variables = std::map<std::string, std::string>;

ProcessEnvironment read(const Variables& variables) {
  return read_process_environment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

void expect_refused(const Variables& variables, const std::string& message) {
  try {
    (void)read(variables);
    ADD_FAILURE() << "no error; expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(std::string(error.what()), message);
  }
}

TEST(ProcessEnvironment, IsOneProcessWithoutALauncher) {
  const ProcessEnvironment one = read({});
  EXPECT_EQ(one.rank, 0);
  EXPECT_EQ(one.world_size, 1);
  EXPECT_EQ(one.rendezvous_timeout, 300);
  EXPECT_EQ(one.collective_timeout, 600);
  EXPECT_EQ(read({{"WORLD_SIZE", "1"}}).world_size, 1);
}

TEST(ProcessEnvironment, IsTorchruns) {
  const Variables variables = {{"RANK", "9"},
                               {"WORLD_SIZE", "16"},
                               {"LOCAL_RANK", "1"},
                               {"MASTER_ADDR", "gpu01"},
                               {"MASTER_PORT", "29501"},
                               {"TERN_RENDEZVOUS_TIMEOUT", "30"},
                               {"TERN_COLLECTIVE_TIMEOUT", "60"},
                               {"TERN_LISTEN_FD", "7"},
                               {"SLURM_STEP_ID", "0"},
                               {"SLURM_PROCID", "3"}};
  const ProcessEnvironment environment = read(variables);
  EXPECT_EQ(environment.rank, 9);
  EXPECT_EQ(environment.world_size, 16);
  EXPECT_EQ(environment.local_rank, 1);
  EXPECT_EQ(environment.master_addr, "gpu01");
  EXPECT_EQ(environment.master_port, 29501);
  EXPECT_EQ(environment.rendezvous_timeout, 30);
  EXPECT_EQ(environment.collective_timeout, 60);
  EXPECT_EQ(environment.listen_fd, std::nullopt) << "only rank 0 listens";
}

TEST(ProcessEnvironment, IsTheStepsUnderSlurm) {
  Variables variables = {{"SLURM_STEP_ID", "0"},  {"SLURM_PROCID", "11"}, {"SLURM_STEP_NUM_TASKS", "16"},
                         {"SLURM_NTASKS", "99"},  {"SLURM_LOCALID", "3"}, {"SLURM_STEP_NODELIST", "gpu[03-04],login"},
                         {"SLURM_JOB_ID", "4711"}};
  ProcessEnvironment environment = read(variables);
  EXPECT_EQ(environment.rank, 11);
  EXPECT_EQ(environment.world_size, 16);
  EXPECT_EQ(environment.local_rank, 3);
  EXPECT_EQ(environment.master_addr, "gpu03");
  EXPECT_EQ(environment.master_port, 29500 + 711);
  variables["MASTER_ADDR"] = "10.0.0.1";
  variables["MASTER_PORT"] = "1234";
  environment = read(variables);
  EXPECT_EQ(environment.master_addr, "10.0.0.1");
  EXPECT_EQ(environment.master_port, 1234);
  variables.erase("SLURM_STEP_ID");
  EXPECT_EQ(read(variables).world_size, 1) << "the batch script itself is one process";
}

TEST(ProcessEnvironment, FindsTheFirstHostOfAList) {
  EXPECT_EQ(first_host("gpu01"), "gpu01");
  EXPECT_EQ(first_host("gpu01,gpu02"), "gpu01");
  EXPECT_EQ(first_host("gpu[007,9-12]-ib,login"), "gpu007-ib");
  EXPECT_EQ(first_host("rack[1-2]node[3-4]"), "rack1node3");
  EXPECT_EQ(first_host("gpu[5"), "gpu5");
}

TEST(ProcessEnvironment, ErrorsNameTheVariable) {
  const std::string fix = ", environment, start the processes with tern_launch, torchrun or srun, or set it yourself";
  expect_refused({{"RANK", "0"}}, "RANK is set and WORLD_SIZE is not" + fix);
  expect_refused({{"WORLD_SIZE", "2"}}, "RANK is not set" + fix);
  expect_refused({{"WORLD_SIZE", "2"}, {"RANK", "0"}}, "MASTER_ADDR is not set" + fix);
  expect_refused({{"WORLD_SIZE", "two"}}, "WORLD_SIZE is 'two', environment, it has to be a number from 1 to 1048576");
  expect_refused({{"WORLD_SIZE", "2"}, {"RANK", "2"}}, "RANK is '2', environment, it has to be a number from 0 to 1");
  expect_refused({{"WORLD_SIZE", "2"}, {"RANK", "1"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "70000"}},
                 "MASTER_PORT is '70000', environment, it has to be a number from 1 to 65535");
  expect_refused({{"TERN_COLLECTIVE_TIMEOUT", "0"}},
                 "TERN_COLLECTIVE_TIMEOUT is '0', environment, it has to be a number from 1 to 604800");
}

}  // namespace
}  // namespace tern::test
