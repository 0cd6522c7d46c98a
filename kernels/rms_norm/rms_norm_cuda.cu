#include "kernels/rms_norm/rms_norm_cuda.h"

#include "kernels/rms_norm/rms_norm.cuh"

namespace tern::kernels {
namespace {

template <class T>
constexpr RmsNormCuda<T> kKernels{rms_norm_forward_launch<T>, rms_norm_backward_launch<T>};

const CudaRegistration<RmsNormCuda<float>> registration_float(kKernels<float>);
const CudaRegistration<RmsNormCuda<Bf16>> registration_bf16(kKernels<Bf16>);

}  // namespace
}  // namespace tern::kernels
