#include "kernels/common/cuda_dispatch.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <string>

namespace tern::kernels {

CudaScope::CudaScope(const at::Tensor& tensor)
    : guard_(tensor.device()),
      stream_(static_cast<CudaStream>(
          c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device()).native_handle())) {}

void no_cuda_kernels(const char* op) {
  throw Error(ErrorKind::usage, std::string("[") + op + "] has no CUDA kernel in this build", "",
              "use device=cpu, or the build of the cuda preset");
}

}  // namespace tern::kernels
