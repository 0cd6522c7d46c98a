#include "kernels/rope/rope_cuda.h"

#include "kernels/rope/rope.cuh"

namespace tern::kernels {
namespace {

template <class T>
constexpr RopeCuda<T> kKernels{rope_launch<T>};

const CudaRegistration<RopeCuda<float>> registration_float(kKernels<float>);
const CudaRegistration<RopeCuda<Bf16>> registration_bf16(kKernels<Bf16>);

}  // namespace
}  // namespace tern::kernels
