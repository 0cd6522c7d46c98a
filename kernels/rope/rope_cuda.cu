#include "kernels/rope/rope_cuda.h"

#include "kernels/rope/rope.cuh"

namespace tern::kernels {
namespace {

const CudaRegistration<RopeCuda<float>> registration_float({rope_launch<float>});
const CudaRegistration<RopeCuda<Bf16>> registration_bf16({rope_launch<Bf16>});

}  // namespace
}  // namespace tern::kernels
