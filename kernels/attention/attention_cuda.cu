#include "kernels/attention/attention.cuh"

namespace tern::kernels {

template void attention_forward_launch<64>(const AttentionForwardParams&, const AttentionConfig&, cudaStream_t);
template void attention_forward_launch<128>(const AttentionForwardParams&, const AttentionConfig&, cudaStream_t);
template void attention_backward_launch<64>(AttentionBackwardParams, const AttentionConfig&, cudaStream_t);
template void attention_backward_launch<128>(AttentionBackwardParams, const AttentionConfig&, cudaStream_t);

}  // namespace tern::kernels
