#include "tests/kernels/simt/faults.h"

#include "kernels/simt/simt.h"

namespace tern::kernels::test {

std::function<void()> fault_run(void (*kernel)(float*), FaultLaunch how) {
  return [=] {
    DeviceBuffer<float> y("y", how.use, std::vector<float>(kFaultThreads));
    simt::launch({"k"}, kernel, how.grid, how.block, how.shared_bytes, y.data());
  };
}

std::function<void()> fault_run(void (*kernel)(float*, float*), dim3 grid) {
  return [=] {
    DeviceBuffer<float> x("x", Use::input, std::vector<float>(kFaultThreads * 4, 1.0f));
    DeviceBuffer<float> y("y", Use::output, std::vector<float>(kFaultThreads));
    simt::launch({"k"}, kernel, grid, dim3(kFaultThreads), 16 * kFaultThreads, x.data(), y.data());
  };
}

}  // namespace tern::kernels::test
