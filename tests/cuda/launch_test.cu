// What a program says when the driver refuses a launch, through the real runtime: the same on a machine without a GPU
// and, by a request for more shared memory than any GPU has, on one with.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "kernels/common/cuda_kernels.h"
#include "kernels/rms_norm/rms_norm_cuda.h"
#include "kernels/simt/simt.h"

namespace tern::kernels::test {

__global__ void greedy_kernel(int* out) {
  *out = 1;
}

namespace {

template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
}

TEST(Launch, ARefusedLaunchNamesKernelGridBlockAndSharedMemory) {
  const std::string text = error_of(
      [] { SIMT_LAUNCH(greedy_kernel, dim3(3, 2), dim3(64), size_t{1} << 30, nullptr, static_cast<int*>(nullptr)); });
  expect_parts(text, {"CUDA launch failed: ",
                      "kernel greedy_kernel, grid 3x2x1, block 64x1x1, 1073741824 bytes of "
                      "dynamic shared memory"});
}

TEST(Launch, WithoutADeviceARegisteredKernelSaysSo) {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess && count > 0) GTEST_SKIP() << "there is a GPU";
  // Registered by the CUDA library that every program links.
  ASSERT_NE(registered_cuda_kernels<RmsNormCuda<float>>, nullptr);
  const std::string text = error_of([] {
    registered_cuda_kernels<RmsNormCuda<float>>->forward(nullptr, nullptr, 0, nullptr, nullptr, 9, 512, nullptr);
  });
  expect_parts(text,
               {"CUDA launch failed: ",
                "kernel rms_norm_forward_kernel<T = float, team = 32, vec = 4>, grid 2x1x1, block 256x1x1, 0 bytes",
                "use device=cpu"});
}

}  // namespace
}  // namespace tern::kernels::test
