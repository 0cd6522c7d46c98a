#include "kernels/sign_sgd/sign_sgd_cuda.h"

#include "kernels/sign_sgd/sign_sgd.cuh"

namespace tern::kernels {
namespace {

const CudaRegistration<SignSgdCuda<float>> registration_float({sign_sgd_launch<float>});
const CudaRegistration<SignSgdCuda<Bf16>> registration_bf16({sign_sgd_launch<Bf16>});

}  // namespace
}  // namespace tern::kernels
