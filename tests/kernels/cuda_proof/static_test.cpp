// Registers, spills, occupancy and instruction counts of a kernel on every architecture, against its written budget.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/kernels/cuda_proof/budget.h"
#include "tests/kernels/cuda_proof/compiler_report.h"
#include "tests/kernels/cuda_proof/occupancy.h"
#include "tests/kernels/cuda_proof/path_list.h"

namespace tern::kernels::test {
namespace {

struct Compiled {
  std::string arch;
  std::map<std::string, KernelReport> reports;
  bool has_sass;
};

enum class Sass { skip, count };

std::vector<Compiled> compiled_kernels(Sass sass = Sass::skip) {
  std::vector<Compiled> all;
  for (std::filesystem::path file : split_paths(report_file_list())) {
    Compiled one{file.stem().extension().string().substr(4), read_ptxas_log(read_report(file)), false};
    file.replace_extension(".sass");
    one.has_sass = std::filesystem::exists(file);
    if (one.has_sass && sass == Sass::count) add_sass_counts(read_report(file), one.reports);
    all.push_back(std::move(one));
  }
  return all;
}

TEST(Static, EveryKernelHasABudgetAndEveryBudgetAKernel) {
  for (const Compiled& compiled : compiled_kernels()) {
    EXPECT_EQ(compiled.reports.size(), budgets().size()) << compiled.arch;
    for (const Budget& budget : budgets()) EXPECT_TRUE(compiled.reports.count(budget.kernel)) << budget.kernel;
  }
}

TEST(Static, NothingSpillsAndRegistersStayWithinBudget) {
  for (const Compiled& compiled : compiled_kernels())
    for (const Budget& budget : budgets()) {
      const KernelReport& report = compiled.reports.at(budget.kernel);
      const std::string what = budget.kernel + " on sm_" + compiled.arch;
      EXPECT_EQ(report.spill_store_bytes, 0) << what;
      EXPECT_EQ(report.spill_load_bytes, 0) << what;
      EXPECT_EQ(report.stack_bytes, 0) << what;
      EXPECT_LE(report.registers, budget.registers) << what;
    }
}

TEST(Static, OccupancyReachesItsTarget) {
  for (const Compiled& compiled : compiled_kernels())
    for (const Budget& budget : budgets()) {
      const KernelReport& report = compiled.reports.at(budget.kernel);
      const auto shared = static_cast<size_t>(report.static_shared_bytes);
      const int blocks = blocks_per_multiprocessor(compiled.arch, report.registers, budget.threads, shared,
                                                   budget.dynamic_shared_bytes);
      if (blocks < 0) GTEST_SKIP() << "no cuda_occupancy.h";
      EXPECT_GE(blocks, budget.blocks_per_sm) << budget.kernel << " on sm_" << compiled.arch;
    }
}

TEST(Static, InstructionCountsEqualTheirFormula) {
  for (const Compiled& compiled : compiled_kernels(Sass::count)) {
    if (!compiled.has_sass) GTEST_SKIP() << "no disassembly (scripts/get_sass_tools.sh fetches the tools)";
    for (const Budget& budget : budgets()) {
      const auto& counted = compiled.reports.at(budget.kernel).instructions;
      const auto count = [&](const std::string& opcode) {
        const auto found = counted.find(opcode);
        return found == counted.end() ? 0 : found->second;
      };
      const std::string what = budget.kernel + " on sm_" + compiled.arch;
      EXPECT_GT(count("EXIT"), 0) << what;  // the disassembly was understood
      EXPECT_EQ(count("LDL"), 0) << what;
      EXPECT_EQ(count("STL"), 0) << what;
      for (const auto& [opcode, expected] : budget.instructions)
        EXPECT_EQ(count(opcode), expected) << opcode << " of " << what;
    }
  }
}

}  // namespace
}  // namespace tern::kernels::test
