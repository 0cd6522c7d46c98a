// A kernel's cases on the PTX that nvcc made of it, against float64 and against the fiber run.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <set>

#include "kernels/simt/runtime.h"
#include "tests/kernels/cuda_proof/compare.h"
#include "tests/kernels/cuda_proof/path_list.h"
#include "tests/kernels/cuda_proof/ptx_files.h"
#include "tests/kernels/ptx/machine.h"
#include "tests/kernels/ptx/module.h"
#include "tests/kernels/support/device_memory.h"

namespace tern::kernels::test {
namespace {

struct PtxFile {
  std::string arch;
  const ptx::Module module;
};

const std::vector<PtxFile>& ptx_files() {
  static const std::vector<PtxFile> files = [] {
    std::vector<PtxFile> loaded;
    for (const std::filesystem::path& path : split_paths(ptx_file_list()))
      loaded.push_back({path.filename().string(), ptx::Module::load(path.string())});
    return loaded;
  }();
  return files;
}

// Host and device compiler mangle alike, so the host function's symbol is the PTX entry.
std::string symbol_of(const simt::Launch& launch) {
  Dl_info info;
  if (!dladdr(launch.kernel, &info) || !info.dli_sname) throw ptx::Fault(launch.name + " has no exported symbol");
  return info.dli_sname;
}

class Ptx : public testing::TestWithParam<Case> {
 protected:
  void TearDown() override { simt::set_engine({}); }
};

TEST_P(Ptx, MatchesFloat64AndTheFiberRun) {
  const std::vector<Expected> expected = GetParam().expected();
  const std::vector<Output> on_fibers = GetParam().run();
  for (const PtxFile& file : ptx_files()) {
    simt::set_engine(
        [&](const simt::Launch& launch) { ptx::run(file.module, file.module.kernel(symbol_of(launch)), launch); });
    const std::vector<Output> outputs = GetParam().run();
    const std::string against_float64 = compare(outputs, expected);
    EXPECT_TRUE(against_float64.empty()) << file.arch << ": " << against_float64;
    const std::string against_fibers = compare_engines(outputs, on_fibers, expected);
    EXPECT_TRUE(against_fibers.empty()) << file.arch << " against fibers: " << against_fibers;
    for (const std::string& violation : take_violations()) ADD_FAILURE() << file.arch << ": " << violation;
  }
}

// No template instance stays unproven: all kernels in the PTX are launched by some case.
TEST(PtxCoverage, EveryKernelIsLaunchedByACase) {
  std::set<std::string> launched;
  simt::set_engine([&](const simt::Launch& launch) { launched.insert(symbol_of(launch)); });
  for (const Case& one : proof_cases()) one.run();
  simt::set_engine({});
  for (const PtxFile& file : ptx_files())
    for (const auto& [name, kernel] : file.module.kernels())
      EXPECT_TRUE(launched.count(name)) << name << " in " << file.arch << " is run by no case";
}

INSTANTIATE_TEST_SUITE_P(Kernel, Ptx, testing::ValuesIn(proof_cases()),
                         [](const testing::TestParamInfo<Case>& one) { return one.param.name; });

}  // namespace
}  // namespace tern::kernels::test
