#include "kernels/rms_norm/rms_norm.h"

#include "kernels/common/check.h"
#include "kernels/common/cuda_dispatch.h"
#include "kernels/rms_norm/rms_norm_cpu.h"
#include "kernels/rms_norm/rms_norm_cuda.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "rms_norm";

at::ScalarType rstd_dtype(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

// residual may be null.
void forward(const at::Tensor& x, const at::Tensor* residual, double eps, at::Tensor& y, at::Tensor& rstd) {
  ArgumentCheck(kOp, "x", x).on_cpu_or_cuda().floating().min_dims(1).max_cuda_width(kRmsNormMaxWidth).contiguous();
  if (residual != nullptr) {
    ArgumentCheck(kOp, "residual", *residual).device_of("x", x).dtype_of("x", x).shape_of("x", x).contiguous();
  }
  if (x.size(-1) == 0) bad_argument(kOp, "x", "of last dimension 1 or more", "0");
  const auto row_sizes = x.sizes().slice(0, x.dim() - 1);
  allocate_if_undefined(y, x.sizes(), x, x.scalar_type());
  allocate_if_undefined(rstd, row_sizes, x, rstd_dtype(x));
  ArgumentCheck(kOp, "y", y).device_of("x", x).dtype_of("x", x).shape_of("x", x).contiguous();
  ArgumentCheck(kOp, "rstd", rstd).device_of("x", x).dtype({rstd_dtype(x)}).shape(row_sizes).contiguous();
  if (x.is_cuda()) {
    with_cuda_type(x, [&]<class T>(CudaStream stream) {
      cuda_kernels<RmsNormCuda<T>>(kOp).forward(cuda_data<const T>(x), cuda_data<const T>(residual),
                                                static_cast<float>(eps), cuda_data<T>(y), cuda_data<float>(rstd),
                                                row_count(x), static_cast<int>(x.size(-1)), stream);
    });
    return;
  }
  with_cpu_level_and_type(x.scalar_type(), [&]<CpuLevel level, class T>() {
    rms_norm_forward_cpu<level>(x.const_data_ptr<T>(), residual == nullptr ? nullptr : residual->const_data_ptr<T>(),
                                eps, y.mutable_data_ptr<T>(), rstd.mutable_data_ptr<RstdType<T>>(), row_count(x),
                                x.size(-1));
  });
}

// more, a second part of dy, may be null.
void backward(const char* dy_name, const at::Tensor& dy, const at::Tensor* more, const at::Tensor& y,
              const at::Tensor& rstd, at::Tensor& dx) {
  ArgumentCheck(kOp, "y", y).on_cpu_or_cuda().floating().min_dims(1).max_cuda_width(kRmsNormMaxWidth).contiguous();
  ArgumentCheck(kOp, dy_name, dy).device_of("y", y).dtype_of("y", y).shape_of("y", y).contiguous();
  if (more != nullptr) {
    ArgumentCheck(kOp, "dy_second", *more).device_of("y", y).dtype_of("y", y).shape_of("y", y).contiguous();
  }
  const auto row_sizes = y.sizes().slice(0, y.dim() - 1);
  ArgumentCheck(kOp, "rstd", rstd).device_of("y", y).dtype({rstd_dtype(y)}).shape(row_sizes).contiguous();
  allocate_if_undefined(dx, y.sizes(), y, y.scalar_type());
  ArgumentCheck(kOp, "dx", dx).device_of("y", y).dtype_of("y", y).shape_of("y", y).contiguous();
  if (y.is_cuda()) {
    with_cuda_type(y, [&]<class T>(CudaStream stream) {
      cuda_kernels<RmsNormCuda<T>>(kOp).backward(cuda_data<const T>(dy), cuda_data<const T>(more),
                                                 cuda_data<const T>(y), cuda_data<const float>(rstd), cuda_data<T>(dx),
                                                 row_count(y), static_cast<int>(y.size(-1)), stream);
    });
    return;
  }
  with_cpu_level_and_type(y.scalar_type(), [&]<CpuLevel level, class T>() {
    rms_norm_backward_cpu<level>(dy.const_data_ptr<T>(), more == nullptr ? nullptr : more->const_data_ptr<T>(),
                                 y.const_data_ptr<T>(), rstd.const_data_ptr<RstdType<T>>(), dx.mutable_data_ptr<T>(),
                                 row_count(y), y.size(-1));
  });
}

}  // namespace

void rms_norm_forward(const at::Tensor& x, double eps, at::Tensor& y, at::Tensor& rstd) {
  forward(x, nullptr, eps, y, rstd);
}

void rms_norm_residual_forward(const at::Tensor& x, const at::Tensor& residual, double eps, at::Tensor& y,
                               at::Tensor& rstd) {
  forward(x, &residual, eps, y, rstd);
}

void rms_norm_backward(const at::Tensor& dy, const at::Tensor& y, const at::Tensor& rstd, at::Tensor& dx) {
  backward("dy", dy, nullptr, y, rstd, dx);
}

void rms_norm_residual_backward(const at::Tensor& dy_first, const at::Tensor& dy_second, const at::Tensor& y,
                                const at::Tensor& rstd, at::Tensor& ds) {
  backward("dy_first", dy_first, dy_second.defined() ? &dy_second : nullptr, y, rstd, ds);
}

}  // namespace tern::kernels
