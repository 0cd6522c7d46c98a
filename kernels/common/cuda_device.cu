#include "kernels/common/cuda_device.h"

#include <cuda_runtime.h>

#include "base/error.h"
#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {
namespace {

void check(cudaError_t status) {
  if (status != cudaSuccess) throw Error(ErrorKind::usage, std::string("CUDA: ") + cudaGetErrorString(status));
}

CudaDevice current_device() {
  const auto attribute = [](cudaDeviceAttr which, int device) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, device));
    return value;
  };
  int device = 0;
  check(cudaGetDevice(&device));
  return {
      attribute(cudaDevAttrComputeCapabilityMajor, device) * 10 + attribute(cudaDevAttrComputeCapabilityMinor, device),
      attribute(cudaDevAttrMultiProcessorCount, device)};
}

std::string device_name(int device) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, device));
  return properties.name;
}

const CudaRegistration<CudaDeviceQuery> registration({current_device, device_name});

}  // namespace
}  // namespace tern::kernels
