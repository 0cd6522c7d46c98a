#include "kernels/post_norm/post_norm.h"

#include "kernels/common/check.h"
#include "kernels/post_norm/post_norm_cpu.h"
#include "kernels/rms_norm/rms_norm.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "post_norm";

at::ScalarType rstd_dtype(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

void check_matrix(const char* name, const at::Tensor& x, int64_t columns) {
  ArgumentCheck(kOp, name, x).floating().shape({-1, -1}).contiguous();
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

void post_norm_forward_(const at::Tensor& x, at::Tensor& sum, double eps, int64_t columns, at::Tensor& y,
                        at::Tensor& rstd) {
  check_matrix("x", x, columns);
  check_like("sum", sum, "x", x);
  allocate_if_undefined(y, x.sizes(), x, x.scalar_type());
  allocate_if_undefined(rstd, {x.size(0)}, x, rstd_dtype(x));
  check_like("y", y, "x", x);
  check_rstd(rstd, "x", x);
  if (!x.is_cpu()) {  // the order of sums is the CPU's affair
    sum.add_(x);
    return rms_norm_forward(sum, eps, y, rstd);
  }
  const auto run = [&]<CpuLevel level, class T>() {
    post_norm_forward_cpu<level>(x.const_data_ptr<T>(), sum.mutable_data_ptr<T>(), eps, columns,
                                 y.mutable_data_ptr<T>(), rstd.mutable_data_ptr<RstdType<T>>(), x.size(0), x.size(1));
  };
  with_cpu_level_and_type(x.scalar_type(), run, aten_sum_level());
}

void post_norm_output(const at::Tensor& sum, const at::Tensor& rstd, at::Tensor& y) {
  check_matrix("sum", sum, 0);
  check_rstd(rstd, "sum", sum);
  allocate_if_undefined(y, sum.sizes(), sum, sum.scalar_type());
  check_like("y", y, "sum", sum);
  if (!sum.is_cpu()) {
    y.copy_(sum.mul(rstd.unsqueeze(1)));
    return;
  }
  with_cpu_level_and_type(sum.scalar_type(), [&]<CpuLevel level, class T>() {
    post_norm_output_cpu<level>(sum.const_data_ptr<T>(), rstd.const_data_ptr<RstdType<T>>(), y.mutable_data_ptr<T>(),
                                sum.size(0), sum.size(1));
  });
}

void post_norm_backward(const at::Tensor& dy_first, const at::Tensor& dy_second, const at::Tensor& sum,
                        const at::Tensor& rstd, int64_t columns, at::Tensor& ds) {
  check_matrix("sum", sum, columns);
  check_rstd(rstd, "sum", sum);
  check_like("dy_first", dy_first, "sum", sum);
  if (dy_second.defined()) check_like("dy_second", dy_second, "sum", sum);
  allocate_if_undefined(ds, sum.sizes(), sum, sum.scalar_type());
  check_like("ds", ds, "sum", sum);
  if (!sum.is_cpu()) {
    at::Tensor y;
    post_norm_output(sum, rstd, y);
    return rms_norm_backward(dy_second.defined() ? dy_first.add(dy_second) : dy_first, y, rstd, ds);
  }
  const auto run = [&]<CpuLevel level, class T>() {
    post_norm_backward_cpu<level>(dy_first.const_data_ptr<T>(),
                                  dy_second.defined() ? dy_second.const_data_ptr<T>() : nullptr,
                                  sum.const_data_ptr<T>(), rstd.const_data_ptr<RstdType<T>>(), columns,
                                  ds.mutable_data_ptr<T>(), sum.size(0), sum.size(1));
  };
  with_cpu_level_and_type(sum.scalar_type(), run, aten_sum_level());
}

}  // namespace tern::kernels
