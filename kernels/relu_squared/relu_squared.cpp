#include "kernels/relu_squared/relu_squared.h"

#include "kernels/common/check.h"
#include "kernels/common/cuda_dispatch.h"
#include "kernels/relu_squared/relu_squared_cpu.h"
#include "kernels/relu_squared/relu_squared_cuda.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "relu_squared";

void check_like_x(const char* name, const at::Tensor& tensor, const at::Tensor& x) {
  ArgumentCheck(kOp, name, tensor).device_of("x", x).dtype_of("x", x).shape_of("x", x).contiguous();
}

}  // namespace

void relu_squared_forward(const at::Tensor& x, at::Tensor& out) {
  ArgumentCheck(kOp, "x", x).on_cpu_or_cuda().floating().contiguous();
  allocate_if_undefined(out, x.sizes(), x, x.scalar_type());
  check_like_x("out", out, x);
  if (x.is_cuda()) {
    with_cuda_type(x, [&]<class T>(CudaStream stream) {
      cuda_kernels<ReluSquaredCuda<T>>(kOp).forward(cuda_data<const T>(x), cuda_data<T>(out), x.numel(), stream);
    });
    return;
  }
  with_cpu_level_and_type(x.scalar_type(), [&]<CpuLevel level, class T>() {
    relu_squared_forward_cpu<level>(x.const_data_ptr<T>(), out.mutable_data_ptr<T>(), x.numel());
  });
}

void relu_squared_backward(const at::Tensor& dout, const at::Tensor& x, at::Tensor& dx) {
  ArgumentCheck(kOp, "x", x).on_cpu_or_cuda().floating().contiguous();
  check_like_x("dout", dout, x);
  allocate_if_undefined(dx, x.sizes(), x, x.scalar_type());
  check_like_x("dx", dx, x);
  if (x.is_cuda()) {
    with_cuda_type(x, [&]<class T>(CudaStream stream) {
      cuda_kernels<ReluSquaredCuda<T>>(kOp).backward(cuda_data<const T>(dout), cuda_data<const T>(x), cuda_data<T>(dx),
                                                     x.numel(), stream);
    });
    return;
  }
  with_cpu_level_and_type(x.scalar_type(), [&]<CpuLevel level, class T>() {
    relu_squared_backward_cpu<level>(dout.const_data_ptr<T>(), x.const_data_ptr<T>(), dx.mutable_data_ptr<T>(),
                                     x.numel());
  });
}

}  // namespace tern::kernels
