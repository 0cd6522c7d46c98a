#include "kernels/adamw/adamw_cuda.h"

#include "kernels/adamw/adamw.cuh"

namespace tern::kernels {
namespace {

void step(std::span<const AdamPointers> tensors, const AdamConstants& constants, float inv_correction2, float eps,
          cudaStream_t stream) {
  adam_launch(tensors, constants, AdamWRule{inv_correction2, eps}, stream);
}

const CudaRegistration<AdamWCuda> registration({step});

}  // namespace
}  // namespace tern::kernels
