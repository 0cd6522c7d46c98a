#include "kernels/swiglu/swiglu.h"

#include "kernels/common/check.h"
#include "kernels/common/cuda_dispatch.h"
#include "kernels/swiglu/swiglu_cpu.h"
#include "kernels/swiglu/swiglu_cuda.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "swiglu";

// Sizes of out, after the checks of the packed input.
std::vector<int64_t> checked_out_sizes(const at::Tensor& gate_up) {
  ArgumentCheck(kOp, "gate_up", gate_up).on_cpu_or_cuda().floating().min_dims(1).contiguous();
  const int64_t packed = gate_up.size(-1);
  if (packed == 0 || packed % 2 != 0) {
    bad_argument(kOp, "gate_up", "of an even last dimension above 0", std::to_string(packed));
  }
  auto sizes = gate_up.sizes().vec();
  sizes.back() /= 2;
  return sizes;
}

// out may be null.
void backward(const at::Tensor& dout, const at::Tensor& gate_up, at::Tensor& d_gate_up, at::Tensor* out) {
  const auto out_sizes = checked_out_sizes(gate_up);
  ArgumentCheck(kOp, "dout", dout)
      .device_of("gate_up", gate_up)
      .dtype_of("gate_up", gate_up)
      .shape(out_sizes)
      .contiguous();
  allocate_if_undefined(d_gate_up, gate_up.sizes(), gate_up, gate_up.scalar_type());
  ArgumentCheck(kOp, "d_gate_up", d_gate_up)
      .device_of("gate_up", gate_up)
      .dtype_of("gate_up", gate_up)
      .shape_of("gate_up", gate_up)
      .contiguous();
  if (out != nullptr) {
    allocate_if_undefined(*out, out_sizes, gate_up, gate_up.scalar_type());
    ArgumentCheck(kOp, "out", *out)
        .device_of("gate_up", gate_up)
        .dtype_of("gate_up", gate_up)
        .shape(out_sizes)
        .contiguous();
  }
  if (gate_up.is_cuda()) {
    with_cuda_type(gate_up, [&]<class T>(CudaStream stream) {
      cuda_kernels<SwigluCuda<T>>(kOp).backward(cuda_data<const T>(dout), cuda_data<const T>(gate_up),
                                                cuda_data<T>(d_gate_up), cuda_data<T>(out), row_count(gate_up),
                                                out_sizes.back(), stream);
    });
    return;
  }
  with_cpu_level_and_type(gate_up.scalar_type(), [&]<CpuLevel level, class T>() {
    swiglu_backward_cpu<level>(dout.const_data_ptr<T>(), gate_up.const_data_ptr<T>(), d_gate_up.mutable_data_ptr<T>(),
                               out == nullptr ? nullptr : out->mutable_data_ptr<T>(), row_count(gate_up),
                               out_sizes.back());
  });
}

}  // namespace

void swiglu_forward(const at::Tensor& gate_up, at::Tensor& out) {
  const auto out_sizes = checked_out_sizes(gate_up);
  allocate_if_undefined(out, out_sizes, gate_up, gate_up.scalar_type());
  ArgumentCheck(kOp, "out", out)
      .device_of("gate_up", gate_up)
      .dtype_of("gate_up", gate_up)
      .shape(out_sizes)
      .contiguous();
  if (gate_up.is_cuda()) {
    with_cuda_type(gate_up, [&]<class T>(CudaStream stream) {
      cuda_kernels<SwigluCuda<T>>(kOp).forward(cuda_data<const T>(gate_up), cuda_data<T>(out), row_count(gate_up),
                                               out_sizes.back(), stream);
    });
    return;
  }
  with_cpu_level_and_type(gate_up.scalar_type(), [&]<CpuLevel level, class T>() {
    swiglu_forward_cpu<level>(gate_up.const_data_ptr<T>(), out.mutable_data_ptr<T>(), row_count(gate_up),
                              out_sizes.back());
  });
}

void swiglu_backward(const at::Tensor& dout, const at::Tensor& gate_up, at::Tensor& d_gate_up) {
  backward(dout, gate_up, d_gate_up, nullptr);
}

void swiglu_backward_recompute(const at::Tensor& dout, const at::Tensor& gate_up, at::Tensor& d_gate_up,
                               at::Tensor& out) {
  backward(dout, gate_up, d_gate_up, &out);
}

}  // namespace tern::kernels
