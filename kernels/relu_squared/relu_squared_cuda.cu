#include "kernels/relu_squared/relu_squared_cuda.h"

#include "kernels/relu_squared/relu_squared.cuh"

namespace tern::kernels {
namespace {

template <class T>
constexpr ReluSquaredCuda<T> kKernels{relu_squared_forward_launch<T>, relu_squared_backward_launch<T>};

const CudaRegistration<ReluSquaredCuda<float>> registration_float(kKernels<float>);
const CudaRegistration<ReluSquaredCuda<Bf16>> registration_bf16(kKernels<Bf16>);

}  // namespace
}  // namespace tern::kernels
