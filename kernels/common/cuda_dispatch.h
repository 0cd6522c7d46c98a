// The step from checked CUDA tensors to the launchers of <op>_cuda.cu:
//
//   if (x.is_cuda()) {
//     with_cuda_type(x, [&]<class T>(CudaStream stream) {
//       cuda_kernels<RmsNormCuda<T>>("rms_norm").forward(cuda_data<const T>(x), cuda_data<T>(y), ..., stream);
//     });
//     return;
//   }
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include <type_traits>

#include "base/error.h"
#include "kernels/common/cuda_kernels.h"

namespace tern::kernels {

// While it lives, the tensor's device is the current one. Works on the device's current stream, as ATen's kernels do.
class CudaScope {
 public:
  explicit CudaScope(const at::Tensor& tensor);
  [[nodiscard]] CudaStream stream() const { return stream_; }

 private:
  c10::DeviceGuard guard_;
  CudaStream stream_;
};

// Throws tern::Error (usage): a program without CUDA kernels was given a CUDA tensor.
[[noreturn]] void no_cuda_kernels(const char* op);

template <class Kernels>
const Kernels& cuda_kernels(const char* op) {
  if (registered_cuda_kernels<Kernels> == nullptr) no_cuda_kernels(op);
  return *registered_cuda_kernels<Kernels>;
}

// Address of the first element; T may be const, as of a tensor that is only read.
template <class T>
T* cuda_data(const at::Tensor& tensor) {
  if constexpr (std::is_const_v<T>) {
    return static_cast<T*>(tensor.const_data_ptr());
  } else {
    return static_cast<T*>(tensor.mutable_data_ptr());
  }
}

// The same, null without a tensor.
template <class T>
T* cuda_data(const at::Tensor* tensor) {
  return tensor == nullptr ? nullptr : cuda_data<T>(*tensor);
}

// Calls body.operator()<T>(stream) with the tensor's element type, float or Bf16, on its device.
template <class Body>
void with_cuda_type(const at::Tensor& tensor, Body&& body) {
  const CudaScope scope(tensor);
  if (tensor.scalar_type() == at::kBFloat16) {
    body.template operator()<Bf16>(scope.stream());
    return;
  }
  TERN_CHECK(tensor.scalar_type() == at::kFloat, "the op's argument checks let another dtype through");
  body.template operator()<float>(scope.stream());
}

}  // namespace tern::kernels
