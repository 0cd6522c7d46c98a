#include "kernels/adam_atan2/adam_atan2.cuh"

namespace tern::kernels {

template void adam_launch(std::span<const AdamPointers>, const AdamConstants&, const AdamATan2Rule&, cudaStream_t);

}  // namespace tern::kernels
