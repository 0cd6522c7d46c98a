#include "kernels/relu_squared/relu_squared.cuh"

namespace tern::kernels {

template void relu_squared_forward_launch(const float*, float*, int64_t, cudaStream_t);
template void relu_squared_forward_launch(const Bf16*, Bf16*, int64_t, cudaStream_t);
template void relu_squared_backward_launch(const float*, const float*, float*, int64_t, cudaStream_t);
template void relu_squared_backward_launch(const Bf16*, const Bf16*, Bf16*, int64_t, cudaStream_t);

}  // namespace tern::kernels
