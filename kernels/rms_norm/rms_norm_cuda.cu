#include "kernels/rms_norm/rms_norm.cuh"

namespace tern::kernels {

template void rms_norm_forward_launch(const float*, const float*, float, float*, float*, int64_t, int, cudaStream_t);
template void rms_norm_forward_launch(const Bf16*, const Bf16*, float, Bf16*, float*, int64_t, int, cudaStream_t);
template void rms_norm_backward_launch(const float*, const float*, const float*, float*, int64_t, int, cudaStream_t);
template void rms_norm_backward_launch(const Bf16*, const Bf16*, const float*, Bf16*, int64_t, int, cudaStream_t);

}  // namespace tern::kernels
