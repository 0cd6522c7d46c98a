#include "kernels/rope/rope.cuh"

namespace tern::kernels {

template void rope_launch(float*, const float*, const float*, bool, int64_t, const RopeShape&, cudaStream_t);
template void rope_launch(Bf16*, const float*, const float*, bool, int64_t, const RopeShape&, cudaStream_t);

}  // namespace tern::kernels
