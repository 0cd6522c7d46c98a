#include "kernels/swiglu/swiglu.cuh"

namespace tern::kernels {

template void swiglu_forward_launch(const float*, float*, int64_t, int64_t, cudaStream_t);
template void swiglu_forward_launch(const Bf16*, Bf16*, int64_t, int64_t, cudaStream_t);
template void swiglu_backward_launch(const float*, const float*, float*, float*, int64_t, int64_t, cudaStream_t);
template void swiglu_backward_launch(const Bf16*, const Bf16*, Bf16*, Bf16*, int64_t, int64_t, cudaStream_t);

}  // namespace tern::kernels
