// Launches name the instance of the kernel: what a launch that is refused says (tests/cuda has the real runtime's).
#include <gtest/gtest.h>

#include "kernels/adam_atan2/adam_atan2.cuh"
#include "kernels/attention/attention.cuh"
#include "kernels/rms_norm/rms_norm.cuh"
#include "kernels/simt/simt.h"

namespace tern::kernels::test {

template <int tile, bool causal, class T>
__global__ void named_kernel(T*) {}
__global__ void plain_kernel(int*) {}

namespace {

// Names of the kernels that f launches; none is run.
template <class F>
std::vector<std::string> launched(const F& f) {
  std::vector<std::string> names;
  simt::set_engine([&](const simt::Launch& launch) { names.push_back(launch.name); });
  f();
  simt::set_engine({});
  return names;
}

using Names = std::vector<std::string>;

template <int tile, class T>
void launch_named(T* x) {
  SIMT_LAUNCH((named_kernel<tile, true, T>), dim3(1), dim3(32), 0, nullptr, x);
}

TEST(KernelName, HasTheValuesOfTheTemplateArguments) {
  EXPECT_EQ(launched([] { launch_named<64>(static_cast<Bf16*>(nullptr)); }),
            Names{"named_kernel<tile = 64, true, T = Bf16>"});
  EXPECT_EQ(launched([] { launch_named<8>(static_cast<float*>(nullptr)); }),
            Names{"named_kernel<tile = 8, true, T = float>"});
  EXPECT_EQ(launched([] { SIMT_LAUNCH(plain_kernel, dim3(1), dim3(32), 0, nullptr, static_cast<int*>(nullptr)); }),
            Names{"plain_kernel"});
}

TEST(KernelName, OfTheOps) {
  EXPECT_EQ(launched([] { rms_norm_forward_launch<float>(nullptr, nullptr, 0, nullptr, nullptr, 9, 512, nullptr); }),
            Names{"rms_norm_forward_kernel<T = float, team = 32, vec = 4>"});
  EXPECT_EQ(launched([] { rms_norm_forward_launch<Bf16>(nullptr, nullptr, 0, nullptr, nullptr, 9, 515, nullptr); }),
            Names{"rms_norm_forward_kernel<T = Bf16, team = 256, vec = 1>"});
  EXPECT_EQ(launched([] {
              AttentionForwardParams params;
              params.in.shape = {1, 70, 70, 1, 1};
              attention_forward_launch<64>(params, {.forward_row_tiles = 2}, nullptr);
            }),
            Names{"attention_forward_kernel<head_dim = 64, row_tiles = 2>"});
  EXPECT_EQ(launched([] {
              float values[4] = {};
              const AdamPointers one{values, values, values, values, nullptr, nullptr, 4};
              adam_launch(std::span(&one, 1), AdamConstants{}, AdamATan2Rule{1}, nullptr);
            }),
            Names{"adam_kernel<Rule = AdamATan2Rule>"});
}

TEST(KernelName, IsInTheReportOfARefusedLaunch) {
  try {
    SIMT_LAUNCH((named_kernel<64, false, float>), dim3(1), dim3(2048), 0, nullptr, static_cast<float*>(nullptr));
    FAIL() << "2048 threads";
  } catch (const simt::Failure& failure) {
    EXPECT_EQ(std::string(failure.what()).find("named_kernel<64, false, float>: invalid launch configuration"), 0)
        << failure.what();
  }
}

}  // namespace
}  // namespace tern::kernels::test
