#include "kernels/sign_sgd/sign_sgd_cuda.h"

#include "kernels/sign_sgd/sign_sgd.cuh"

namespace tern::kernels {
namespace {

template <class T>
constexpr SignSgdCuda<T> kKernels{sign_sgd_launch<T>};

const CudaRegistration<SignSgdCuda<float>> registration_float(kKernels<float>);
const CudaRegistration<SignSgdCuda<Bf16>> registration_bf16(kKernels<Bf16>);

}  // namespace
}  // namespace tern::kernels
