#include "kernels/cross_entropy/cross_entropy_cuda.h"

#include "kernels/cross_entropy/cross_entropy.cuh"

namespace tern::kernels {
namespace {

const CudaRegistration<CrossEntropyCuda<float>> registration_float({cross_entropy_launch<float>});
const CudaRegistration<CrossEntropyCuda<Bf16>> registration_bf16({cross_entropy_launch<Bf16>});

}  // namespace
}  // namespace tern::kernels
