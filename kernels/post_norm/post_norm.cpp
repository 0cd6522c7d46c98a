#include "kernels/post_norm/post_norm.h"

#include "kernels/common/check.h"
#include "kernels/post_norm/post_norm_cpu.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rms_norm/rms_norm_cuda.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "post_norm";

at::ScalarType rstd_dtype(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

void check_matrix(const char* name, const at::Tensor& x, int64_t columns) {
  ArgumentCheck(kOp, name, x).on_cpu_or_cuda().floating().shape({-1, -1}).max_cuda_width(kRmsNormMaxWidth).contiguous();
  if (x.size(1) == 0) bad_argument(kOp, name, "of last dimension 1 or more", "0");
  if (columns < 0 || (columns > 0 && x.size(0) % columns != 0)) {
    bad_argument(kOp, "columns", "0 or a divisor of the number of rows (" + std::to_string(x.size(0)) + ")",
                 std::to_string(columns));
  }
}

void check_like(const char* name, const at::Tensor& tensor, const char* other_name, const at::Tensor& other) {
  ArgumentCheck(kOp, name, tensor)
      .device_of(other_name, other)
      .dtype_of(other_name, other)
      .shape_of(other_name, other)
      .contiguous();
}

void check_rstd(const at::Tensor& rstd, const char* other_name, const at::Tensor& other) {
  ArgumentCheck(kOp, "rstd", rstd)
      .device_of(other_name, other)
      .dtype({rstd_dtype(other)})
      .shape({other.size(0)})
      .contiguous();
}

}  // namespace

at::Tensor post_norm_forward_(const at::Tensor& x, at::Tensor& kept, double eps, int64_t columns, at::Tensor& rstd) {
  check_matrix("x", x, columns);
  check_like("kept", kept, "x", x);
  if (x.is_cuda()) {
    rms_norm_residual_forward(x, kept, eps, kept, rstd);
    return kept;
  }
  allocate_if_undefined(rstd, {x.size(0)}, x, rstd_dtype(x));
  check_rstd(rstd, "x", x);
  at::Tensor y;
  allocate_if_undefined(y, x.sizes(), x, x.scalar_type());
  const auto run = [&]<CpuLevel level, class T>() {
    post_norm_forward_cpu<level>(x.const_data_ptr<T>(), kept.mutable_data_ptr<T>(), eps, columns,
                                 y.mutable_data_ptr<T>(), rstd.mutable_data_ptr<RstdType<T>>(), x.size(0), x.size(1));
  };
  with_cpu_level_and_type(x.scalar_type(), run, aten_sum_level());
  return y;
}

at::Tensor post_norm_output(const at::Tensor& kept, const at::Tensor& rstd) {
  check_matrix("kept", kept, 0);
  check_rstd(rstd, "kept", kept);
  if (kept.is_cuda()) return kept;
  at::Tensor y;
  allocate_if_undefined(y, kept.sizes(), kept, kept.scalar_type());
  with_cpu_level_and_type(kept.scalar_type(), [&]<CpuLevel level, class T>() {
    post_norm_output_cpu<level>(kept.const_data_ptr<T>(), rstd.const_data_ptr<RstdType<T>>(), y.mutable_data_ptr<T>(),
                                kept.size(0), kept.size(1));
  });
  return y;
}

void post_norm_backward(const at::Tensor& dy_first, const at::Tensor& dy_second, const at::Tensor& kept,
                        const at::Tensor& rstd, int64_t columns, at::Tensor& ds) {
  check_matrix("kept", kept, columns);
  check_rstd(rstd, "kept", kept);
  check_like("dy_first", dy_first, "kept", kept);
  if (dy_second.defined()) check_like("dy_second", dy_second, "kept", kept);
  if (kept.is_cuda()) return rms_norm_residual_backward(dy_first, dy_second, kept, rstd, ds);
  allocate_if_undefined(ds, kept.sizes(), kept, kept.scalar_type());
  check_like("ds", ds, "kept", kept);
  const auto run = [&]<CpuLevel level, class T>() {
    post_norm_backward_cpu<level>(dy_first.const_data_ptr<T>(),
                                  dy_second.defined() ? dy_second.const_data_ptr<T>() : nullptr,
                                  kept.const_data_ptr<T>(), rstd.const_data_ptr<RstdType<T>>(), columns,
                                  ds.mutable_data_ptr<T>(), kept.size(0), kept.size(1));
  };
  with_cpu_level_and_type(kept.scalar_type(), run, aten_sum_level());
}

}  // namespace tern::kernels
