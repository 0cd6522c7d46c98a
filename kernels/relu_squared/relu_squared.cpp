#include "kernels/relu_squared/relu_squared.h"

#include "kernels/common/check.h"
#include "kernels/relu_squared/relu_squared_cpu.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "relu_squared";

void check_like_x(const char* name, const at::Tensor& tensor, const at::Tensor& x) {
  ArgumentCheck(kOp, name, tensor).device_of("x", x).dtype_of("x", x).shape_of("x", x).contiguous();
}

}  // namespace

void relu_squared_forward(const at::Tensor& x, at::Tensor& out) {
  ArgumentCheck(kOp, "x", x).on_cpu().floating().contiguous();
  allocate_if_undefined(out, x.sizes(), x, x.scalar_type());
  check_like_x("out", out, x);
  with_cpu_level_and_type(x.scalar_type(), [&]<CpuLevel level, class T>() {
    relu_squared_forward_cpu<level>(x.const_data_ptr<T>(), out.mutable_data_ptr<T>(), x.numel());
  });
}

void relu_squared_backward(const at::Tensor& dout, const at::Tensor& x, at::Tensor& dx) {
  ArgumentCheck(kOp, "x", x).on_cpu().floating().contiguous();
  check_like_x("dout", dout, x);
  allocate_if_undefined(dx, x.sizes(), x, x.scalar_type());
  check_like_x("dx", dx, x);
  with_cpu_level_and_type(x.scalar_type(), [&]<CpuLevel level, class T>() {
    relu_squared_backward_cpu<level>(dout.const_data_ptr<T>(), x.const_data_ptr<T>(), dx.mutable_data_ptr<T>(),
                                     x.numel());
  });
}

}  // namespace tern::kernels
