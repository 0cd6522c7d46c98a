#include "kernels/sign_sgd/sign_sgd.cuh"

namespace tern::kernels {

template void sign_sgd_launch(float*, const float*, const int64_t*, int*, int*, int, int64_t, int, const SignSgdStep&,
                              cudaStream_t);
template void sign_sgd_launch(float*, const Bf16*, const int64_t*, int*, int*, int, int64_t, int, const SignSgdStep&,
                              cudaStream_t);

}  // namespace tern::kernels
