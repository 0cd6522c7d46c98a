#include "kernels/adamw/adamw.cuh"

namespace tern::kernels {

template void adam_launch(std::span<const AdamPointers>, const AdamConstants&, const AdamWRule&, cudaStream_t);

}  // namespace tern::kernels
