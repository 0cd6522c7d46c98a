#include "kernels/attention/attention.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "kernels/attention/attention_cpu.h"
#include "kernels/common/check.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "attention";

void check_qkv(const at::Tensor& qkv, const AttentionOptions& options) {
  const QkvLayout& layout = options.layout;
  if (layout.num_heads <= 0 || layout.head_dim <= 0) {
    bad_argument(kOp, "num_heads and head_dim", "above 0",
                 std::to_string(layout.num_heads) + " and " + std::to_string(layout.head_dim));
  }
  if (layout.num_kv_heads <= 0 || layout.num_heads % layout.num_kv_heads != 0) {
    bad_argument(kOp, "num_kv_heads", "a divisor of num_heads (" + std::to_string(layout.num_heads) + ")",
                 std::to_string(layout.num_kv_heads));
  }
  if (options.window_left < -1 || (options.window_left >= 0 && !options.causal)) {
    bad_argument(kOp, "window_left", "-1, or 0 and more with causal", std::to_string(options.window_left));
  }
  if (options.norm.gain < 0 || options.norm.eps < 0) {
    bad_argument(kOp, "norm", "a gain and an eps of 0 and more",
                 std::to_string(options.norm.gain) + " and " + std::to_string(options.norm.eps));
  }
  ArgumentCheck(kOp, "qkv", qkv).on_cpu().floating().shape({-1, -1, layout.width()}).contiguous();
  if (options.rope.cos.defined()) check_rope_table(kOp, options.rope, layout, qkv);
}

// The heads [first, first + count) of a packed tensor, as ATen wants them: [batch, count, seq, head_dim].
at::Tensor heads(const at::Tensor& packed, int64_t head_dim, int64_t first, int64_t count) {
  const int64_t batch = packed.size(0), seq_len = packed.size(1);
  return packed.view({batch, seq_len, packed.size(2) / head_dim, head_dim}).narrow(2, first, count).transpose(1, 2);
}

struct Heads {
  at::Tensor q, k, v;
};

Heads split(const at::Tensor& qkv, const QkvLayout& layout) {
  return {heads(qkv, layout.head_dim, 0, layout.num_heads),
          heads(qkv, layout.head_dim, layout.num_heads, layout.num_kv_heads),
          heads(qkv, layout.head_dim, layout.num_heads + layout.num_kv_heads, layout.num_kv_heads)};
}

at::ScalarType statistics_dtype(const at::Tensor& qkv) {
  return qkv.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

HeadRows query_and_key_heads(const at::Tensor& qkv, const QkvLayout& layout) {
  return {row_count(qkv), layout.width(), layout.num_heads + layout.num_kv_heads, layout.head_dim};
}

// Normalises q and k in place; returns the factors, nothing without a norm.
at::Tensor normalise_(at::Tensor& qkv, const AttentionOptions& options) {
  if (options.norm.gain == 0) return {};
  const QkvLayout& layout = options.layout;
  at::Tensor rstd = at::empty({qkv.size(0), qkv.size(1), layout.num_heads + layout.num_kv_heads},
                              qkv.options().dtype(statistics_dtype(qkv)));
  with_cpu_level_and_type(qkv.scalar_type(), [&]<CpuLevel level, class T>() {
    head_norm_cpu<level>(qkv.mutable_data_ptr<T>(), rstd.mutable_data_ptr<HeadRstdType<T>>(), options.norm.gain,
                         options.norm.eps, query_and_key_heads(qkv, layout));
  });
  return rstd;
}

void normalise_backward_(at::Tensor& d_qkv, const at::Tensor& qkv, const at::Tensor& rstd,
                         const AttentionOptions& options) {
  if (options.norm.gain == 0) return;
  with_cpu_level_and_type(qkv.scalar_type(), [&]<CpuLevel level, class T>() {
    head_norm_backward_cpu<level>(d_qkv.mutable_data_ptr<T>(), qkv.const_data_ptr<T>(),
                                  rstd.const_data_ptr<HeadRstdType<T>>(), options.norm.gain,
                                  query_and_key_heads(qkv, options.layout));
  });
}

double scale_of(const AttentionOptions& options) {
  return options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(options.layout.head_dim));
}

// Additive mask of a causal window; nothing where ATen's own causal mask (or none) is enough.
std::optional<at::Tensor> window_mask(const AttentionOptions& options, const at::Tensor& qkv) {
  const int64_t seq_len = qkv.size(1);
  if (options.window_left < 0 || options.window_left >= seq_len - 1) return std::nullopt;
  const at::Tensor position = at::arange(seq_len, qkv.options().dtype(at::kLong));
  const at::Tensor distance = position.unsqueeze(1).sub(position.unsqueeze(0));
  const at::Tensor hidden = distance.lt(0).logical_or(distance.gt(options.window_left));
  return at::full({seq_len, seq_len}, 0.0, qkv.options())
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity())
      .view({1, 1, seq_len, seq_len});
}

}  // namespace

AttentionForward attention_forward_(at::Tensor& qkv, const AttentionOptions& options) {
  const at::NoGradGuard no_grad;
  check_qkv(qkv, options);
  const QkvLayout& layout = options.layout;
  const int64_t batch = qkv.size(0), seq_len = qkv.size(1);
  const std::array<int64_t, 3> out_sizes{batch, seq_len, layout.num_heads * layout.head_dim};
  if (qkv.numel() == 0) {
    return {at::empty(out_sizes, qkv.options()),
            at::empty({batch, layout.num_heads, seq_len}, qkv.options().dtype(statistics_dtype(qkv))),
            normalise_(qkv, options)};
  }
  if (options.rope.cos.defined()) rope_qkv_(qkv, layout, options.rope, kOp);
  const at::Tensor rstd = normalise_(qkv, options);
  const Heads in = split(qkv, layout);
  const auto mask = window_mask(options, qkv);
  auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(in.q, in.k, in.v, 0.0, options.causal && !mask,
                                                                    mask, scale_of(options));
  return {out.transpose(1, 2).reshape(out_sizes), lse, rstd};
}

void attention_backward(const at::Tensor& dout, const at::Tensor& qkv, const AttentionForward& forward,
                        const AttentionOptions& options, at::Tensor& d_qkv) {
  const at::NoGradGuard no_grad;
  check_qkv(qkv, options);
  const QkvLayout& layout = options.layout;
  const int64_t batch = qkv.size(0), seq_len = qkv.size(1);
  const std::array<int64_t, 3> out_sizes{batch, seq_len, layout.num_heads * layout.head_dim};
  ArgumentCheck(kOp, "out", forward.out).device_of("qkv", qkv).dtype_of("qkv", qkv).shape(out_sizes).contiguous();
  ArgumentCheck(kOp, "dout", dout).device_of("qkv", qkv).dtype_of("qkv", qkv).shape(out_sizes).contiguous();
  ArgumentCheck(kOp, "lse", forward.lse).device_of("qkv", qkv).shape({batch, layout.num_heads, seq_len});
  if (options.norm.gain != 0) {
    ArgumentCheck(kOp, "rstd", forward.rstd)
        .device_of("qkv", qkv)
        .dtype({statistics_dtype(qkv)})
        .shape({batch, seq_len, layout.num_heads + layout.num_kv_heads})
        .contiguous();
  }
  allocate_if_undefined(d_qkv, qkv.sizes(), qkv, qkv.scalar_type());
  ArgumentCheck(kOp, "d_qkv", d_qkv).device_of("qkv", qkv).dtype_of("qkv", qkv).shape_of("qkv", qkv).contiguous();
  if (qkv.numel() == 0) return;
  const Heads in = split(qkv, layout);
  const auto mask = window_mask(options, qkv);
  const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      heads(dout, layout.head_dim, 0, layout.num_heads), in.q, in.k, in.v,
      heads(forward.out, layout.head_dim, 0, layout.num_heads), forward.lse, 0.0, options.causal && !mask, mask,
      scale_of(options));
  const Heads d = split(d_qkv, layout);
  d.q.copy_(dq);
  d.k.copy_(dk);
  d.v.copy_(dv);
  normalise_backward_(d_qkv, qkv, forward.rstd, options);
  if (options.rope.cos.defined()) {
    RopeTable back = options.rope;
    back.direction = inverse(back.direction);
    rope_qkv_(d_qkv, layout, back, kOp);
  }
}

}  // namespace tern::kernels
