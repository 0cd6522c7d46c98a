#include "kernels/swiglu/swiglu_cuda.h"

#include "kernels/swiglu/swiglu.cuh"

namespace tern::kernels {
namespace {

template <class T>
constexpr SwigluCuda<T> kKernels{swiglu_forward_launch<T>, swiglu_backward_launch<T>};

const CudaRegistration<SwigluCuda<float>> registration_float(kKernels<float>);
const CudaRegistration<SwigluCuda<Bf16>> registration_bf16(kKernels<Bf16>);

}  // namespace
}  // namespace tern::kernels
