#include "kernels/cross_entropy/cross_entropy.cuh"

namespace tern::kernels {

template void cross_entropy_launch(const CrossEntropyArguments<float>&, bool, cudaStream_t);
template void cross_entropy_launch(const CrossEntropyArguments<Bf16>&, bool, cudaStream_t);

}  // namespace tern::kernels
