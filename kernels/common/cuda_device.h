// What the choice of tiles asks of the GPU that is current.
#pragma once

#include <string>

namespace tern::kernels {

struct CudaDevice {
  int compute_capability;  // major * 10 + minor
  int multiprocessors;
};

// Registered by CUDA builds.
struct CudaDeviceQuery {
  CudaDevice (*current)();
  std::string (*name)(int device);  // as the driver gives it: "NVIDIA H100 80GB HBM3"
};

}  // namespace tern::kernels
