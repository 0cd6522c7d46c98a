#include "kernels/rope/rope.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/sin.h>

#include "kernels/common/check.h"
#include "kernels/common/cuda_dispatch.h"
#include "kernels/rope/rope_cpu.h"
#include "kernels/rope/rope_cuda.h"

namespace tern::kernels {

RopeTable make_rope_table(int64_t positions, int64_t head_dim, double theta, RopeDirection direction,
                          at::ScalarType dtype) {
  if (head_dim <= 0 || head_dim % 2 != 0) bad_argument("rope", "head_dim", "even", std::to_string(head_dim));
  const auto options = at::TensorOptions().dtype(at::kFloat);
  const at::Tensor exponent = at::arange(0, head_dim, 2, options) / static_cast<double>(head_dim);
  const at::Tensor frequency = at::reciprocal(at::pow(theta, exponent));
  const at::Tensor angle = at::outer(at::arange(positions, options), frequency);
  return {at::cos(angle).to(dtype), at::sin(angle).to(dtype), direction, 0};
}

void check_rope_table(const char* op, const RopeTable& table, const QkvLayout& layout, const at::Tensor& qkv) {
  const auto dtype = qkv.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  if (layout.head_dim % 2 != 0) bad_argument(op, "head_dim", "even for a rotation", std::to_string(layout.head_dim));
  ArgumentCheck(op, "cos", table.cos)
      .device_of("qkv", qkv)
      .dtype({dtype})
      .shape({-1, layout.head_dim / 2})
      .contiguous();
  ArgumentCheck(op, "sin", table.sin).device_of("qkv", qkv).dtype({dtype}).shape_of("cos", table.cos).contiguous();
  const int64_t needed = table.first_position + qkv.size(1);
  if (table.first_position < 0 || table.cos.size(0) < needed) {
    bad_argument(op, "cos", "a table of at least " + std::to_string(needed) + " positions",
                 std::to_string(table.cos.size(0)));
  }
}

void rope_qkv_(at::Tensor& qkv, const QkvLayout& layout, const RopeTable& table, const char* op) {
  ArgumentCheck(op, "qkv", qkv).on_cpu_or_cuda().floating().shape({-1, -1, layout.width()}).contiguous();
  check_rope_table(op, table, layout, qkv);
  const int64_t angles = table.first_position * (layout.head_dim / 2);
  if (qkv.is_cuda()) {
    const RopeShape shape{.seq_len = static_cast<int>(qkv.size(1)),
                          .width = static_cast<int>(layout.width()),
                          .heads = static_cast<int>(layout.num_heads + layout.num_kv_heads),
                          .half = static_cast<int>(layout.head_dim / 2)};
    with_cuda_type(qkv, [&]<class T>(CudaStream stream) {
      cuda_kernels<RopeCuda<T>>("rope").rotate(
          cuda_data<T>(qkv), cuda_data<const float>(table.cos) + angles, cuda_data<const float>(table.sin) + angles,
          table.direction == RopeDirection::clockwise, row_count(qkv), shape, stream);
    });
    return;
  }
  with_cpu_level_and_type(qkv.scalar_type(), [&]<CpuLevel level, class T>() {
    rope_cpu<level>(qkv.mutable_data_ptr<T>(), table.cos.const_data_ptr<RopeType<T>>() + angles,
                    table.sin.const_data_ptr<RopeType<T>>() + angles, table.direction == RopeDirection::clockwise,
                    row_count(qkv), qkv.size(1), layout.width(), layout.num_heads + layout.num_kv_heads,
                    layout.head_dim);
  });
}

}  // namespace tern::kernels
