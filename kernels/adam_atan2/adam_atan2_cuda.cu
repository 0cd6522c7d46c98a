#include "kernels/adam_atan2/adam_atan2_cuda.h"

#include "kernels/adam_atan2/adam_atan2.cuh"

namespace tern::kernels {
namespace {

void step(std::span<const AdamPointers> tensors, const AdamConstants& constants, float inv_correction2,
          cudaStream_t stream) {
  adam_launch(tensors, constants, AdamATan2Rule{inv_correction2}, stream);
}

const CudaRegistration<AdamATan2Cuda> registration({step});

}  // namespace
}  // namespace tern::kernels
