#include "kernels/cross_entropy/cross_entropy_cuda.h"

#include "kernels/cross_entropy/cross_entropy.cuh"

namespace tern::kernels {
namespace {

template <class T>
constexpr CrossEntropyCuda<T> kKernels{cross_entropy_launch<T>};

const CudaRegistration<CrossEntropyCuda<float>> registration_float(kKernels<float>);
const CudaRegistration<CrossEntropyCuda<Bf16>> registration_bf16(kKernels<Bf16>);

}  // namespace
}  // namespace tern::kernels
