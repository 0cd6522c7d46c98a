// What the choice of tiles asks of the GPU that is current.
#pragma once

namespace tern::kernels {

struct CudaDevice {
  int compute_capability;  // major * 10 + minor
  int multiprocessors;
};

// Registered by CUDA builds.
struct CudaDeviceQuery {
  CudaDevice (*current)();
};

}  // namespace tern::kernels
