// A kernel's cases on the GPU, against float64. Skipped where there is none.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "tests/kernels/cuda_proof/compare.h"
#include "tests/kernels/support/device_memory.h"

namespace tern::kernels::test {
namespace {

class Gpu : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess) GTEST_SKIP() << "no GPU here: " << cudaGetErrorString(status);
    if (count == 0) GTEST_SKIP() << "no GPU here";
  }
};

TEST_P(Gpu, MatchesFloat64) {
  const std::string report = compare(GetParam().run(), GetParam().expected());
  EXPECT_TRUE(report.empty()) << report;
  for (const std::string& violation : take_violations()) ADD_FAILURE() << violation;
}

INSTANTIATE_TEST_SUITE_P(Kernel, Gpu, testing::ValuesIn(proof_cases()),
                         [](const testing::TestParamInfo<Case>& one) { return one.param.name; });

}  // namespace
}  // namespace tern::kernels::test
