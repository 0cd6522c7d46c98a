#include "kernels/attention/attention_cuda.h"

#include "kernels/attention/attention.cuh"

namespace tern::kernels {
namespace {

template <int head_dim>
constexpr AttentionCuda<head_dim> kKernels{attention_forward_launch<head_dim>, attention_backward_launch<head_dim>};

const CudaRegistration<AttentionCuda<64>> registration_64(kKernels<64>);
const CudaRegistration<AttentionCuda<128>> registration_128(kKernels<128>);

}  // namespace
}  // namespace tern::kernels
