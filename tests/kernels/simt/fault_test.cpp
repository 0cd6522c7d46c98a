// Every seeded defect must be reported by the builds that can see it; legal kernels must pass in all of them.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

#include "kernels/simt/runtime.h"
#include "tests/kernels/simt/faults.h"
#include "tests/kernels/simt/legal_kernels.h"
#include "tests/kernels/support/device_memory.h"

namespace tern::kernels::test {
namespace {

constexpr unsigned kSeeds[] = {0, 1, 2, 3};

std::vector<Fault> all_faults() {
  std::vector<Fault> all;
  for (const auto& group : {sync_faults(), memory_faults(), async_faults(), reduction_faults(), tile_faults()})
    all.insert(all.end(), group.begin(), group.end());
  return all;
}

const char* expected_report(const Fault& fault) {
  return simt::race_detection() ? fault.race : simt::address_sanitizer() ? fault.asan : fault.plain;
}

// What the defect makes this build say. A child process, since sanitizers end it and so does a stack overflow.
std::string report_of(const Fault& fault) {
  int channel[2];
  if (pipe(channel) != 0) return "pipe failed";
  const pid_t child = fork();
  if (child == 0) {
    dup2(channel[1], STDOUT_FILENO);
    dup2(channel[1], STDERR_FILENO);
    try {
      fault.run();
    } catch (const simt::Failure& failure) {
      std::fprintf(stderr, "%s\n", failure.what());
    }
    for (const std::string& violation : take_violations()) std::fprintf(stderr, "%s\n", violation.c_str());
    _exit(0);
  }
  close(channel[1]);
  std::string output;
  char buffer[4096];
  for (ssize_t count; (count = read(channel[0], buffer, sizeof buffer)) > 0;)
    output.append(buffer, static_cast<size_t>(count));
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) output += "ended by signal " + std::to_string(WTERMSIG(status));
  return output;
}

TEST(Faults, AreReportedByTheBuildsThatCanSeeThem) {
  for (const Fault& fault : all_faults()) {
    const char* expected = expected_report(fault);
    if (!expected) continue;
    EXPECT_NE(report_of(fault).find(expected), std::string::npos)
        << fault.name << " should report \"" << expected << "\" but says:\n"
        << report_of(fault);
  }
}

TEST(Faults, AreEachSeenByAtLeastOneBuild) {
  std::set<std::string> names;
  for (const Fault& fault : all_faults()) {
    EXPECT_TRUE(fault.plain || fault.race || fault.asan) << fault.name;
    EXPECT_TRUE(names.insert(fault.name).second) << fault.name << " appears twice";
  }
  EXPECT_GE(names.size(), 20u);
}

// The race build names both sides of a conflict by file and line.
TEST(Faults, RaceReportsNameBothSourceLines) {
  if (!simt::race_detection()) GTEST_SKIP() << "needs the race build";
  const std::string report = report_of(sync_faults()[0]);
  EXPECT_NE(report.find("at sync_faults.cpp:12; earlier access"), std::string::npos) << report;
  EXPECT_NE(report.find("at sync_faults.cpp:11"), std::string::npos) << report;
}

TEST(LegalKernels, PassUnderEverySchedule) {
  for (const LegalKernel& kernel : legal_kernels())
    for (unsigned seed : kSeeds)
      for (bool eager : {false, true}) {
        simt::set_schedule({seed, eager});
        EXPECT_NO_THROW(EXPECT_TRUE(kernel.run()) << kernel.name << " seed " << seed)
            << kernel.name << " seed " << seed;
        for (const std::string& violation : take_violations()) ADD_FAILURE() << kernel.name << ": " << violation;
      }
}

// A failure leaves nothing behind that disturbs the next launch.
TEST(LegalKernels, PassAfterAFailedLaunch) {
  if (simt::address_sanitizer()) GTEST_SKIP() << "a sanitizer's report ends the process";
  EXPECT_THROW(sync_faults()[5].run(), simt::Failure);
  for (const LegalKernel& kernel : legal_kernels()) EXPECT_TRUE(kernel.run()) << kernel.name;
}

}  // namespace
}  // namespace tern::kernels::test
