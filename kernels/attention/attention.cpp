#include "kernels/attention/attention.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <array>
#include <cmath>

#include "base/error.h"
#include "kernels/attention/attention_fused.h"
#include "kernels/attention/attention_norm.h"
#include "kernels/attention/attention_path.h"
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
  ArgumentCheck(kOp, "qkv", qkv).on_cpu_or_cuda().floating().shape({-1, -1, layout.width()}).contiguous();
  if (options.rope.cos.defined()) check_rope_table(kOp, options.rope, layout, qkv);
}

// The heads [first, first + count) of a packed tensor, as ATen wants them: [batch, count, seq, head_dim].
at::Tensor heads(const at::Tensor& packed, int64_t head_dim, int64_t first, int64_t count) {
  const int64_t batch = packed.size(0), seq_len = packed.size(1);
  return packed.view({batch, seq_len, packed.size(2) / head_dim, head_dim}).narrow(2, first, count).transpose(1, 2);
}

AttentionHeads split(const at::Tensor& qkv, const QkvLayout& layout) {
  return {heads(qkv, layout.head_dim, 0, layout.num_heads),
          heads(qkv, layout.head_dim, layout.num_heads, layout.num_kv_heads),
          heads(qkv, layout.head_dim, layout.num_heads + layout.num_kv_heads, layout.num_kv_heads)};
}

double scale_of(const AttentionOptions& options) {
  return options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(options.layout.head_dim));
}

AttentionProblem problem_of(const at::Tensor& qkv, const AttentionOptions& options) {
  const bool windowed = options.window_left >= 0 && options.window_left < qkv.size(1) - 1;
  return {split(qkv, options.layout), options.causal, windowed ? options.window_left : -1, scale_of(options)};
}

AttentionOptions without_rope(AttentionOptions options) {
  options.rope = {};
  return options;
}

// The derivative of the rotation.
void rotate_back_(at::Tensor& d_qkv, const AttentionOptions& options) {
  RopeTable back = options.rope;
  back.direction = inverse(back.direction);
  rope_qkv_(d_qkv, options.layout, back, kOp);
}

const AttentionPath& path_of(AttentionBackend backend) {
  switch (backend) {
    case AttentionBackend::fused: return kAttentionCpuFlash;
    case AttentionBackend::flash: return kAttentionCudaFlash;
    case AttentionBackend::cudnn: return kAttentionCudnn;
    case AttentionBackend::math: break;
  }
  return kAttentionMath;
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
            at::empty({batch, layout.num_heads, seq_len}, qkv.options().dtype(attention_statistics_dtype(qkv))),
            normalise_heads_(qkv, options), options.backend};
  }
  const AttentionBackend backend = usable_backend(options, qkv);
  if (backend == AttentionBackend::fused && qkv.is_cuda()) {
    at::Tensor fused_out = at::empty(out_sizes, qkv.options());
    at::Tensor fused_lse = at::empty({batch, layout.num_heads, seq_len}, qkv.options().dtype(at::kFloat));
    const bool rotated = rotates_before_fused(qkv, options);
    if (rotated) rope_qkv_(qkv, layout, options.rope, kOp);
    attention_fused_forward(qkv, rotated ? without_rope(options) : options, fused_out, fused_lse);
    return {fused_out, fused_lse, {}, backend};
  }
  if (options.rope.cos.defined()) rope_qkv_(qkv, layout, options.rope, kOp);
  const at::Tensor rstd = normalise_heads_(qkv, options);
  const auto [out, lse] = path_of(backend).forward(problem_of(qkv, options));
  return {out.transpose(1, 2).reshape(out_sizes), lse, rstd, backend};
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
  const bool fused_cuda = forward.backend == AttentionBackend::fused && qkv.is_cuda();
  if (options.norm.gain != 0 && !fused_cuda) {
    ArgumentCheck(kOp, "rstd", forward.rstd)
        .device_of("qkv", qkv)
        .dtype({attention_statistics_dtype(qkv)})
        .shape({batch, seq_len, layout.num_heads + layout.num_kv_heads})
        .contiguous();
  }
  allocate_if_undefined(d_qkv, qkv.sizes(), qkv, qkv.scalar_type());
  ArgumentCheck(kOp, "d_qkv", d_qkv).device_of("qkv", qkv).dtype_of("qkv", qkv).shape_of("qkv", qkv).contiguous();
  if (qkv.numel() == 0) return;
  if (fused_cuda) {
    const bool rotated = rotates_before_fused(qkv, options);
    attention_fused_backward(dout, qkv, forward, rotated ? without_rope(options) : options, d_qkv);
    if (rotated) rotate_back_(d_qkv, options);
    return;
  }
  const AttentionHeads gradients =
      path_of(forward.backend)
          .backward(problem_of(qkv, options), heads(dout, layout.head_dim, 0, layout.num_heads),
                    heads(forward.out, layout.head_dim, 0, layout.num_heads), forward.lse);
  const AttentionHeads d = split(d_qkv, layout);
  d.q.copy_(gradients.q);
  d.k.copy_(gradients.k);
  d.v.copy_(gradients.v);
  normalise_heads_backward_(d_qkv, qkv, forward.rstd, options);
  if (options.rope.cos.defined()) rotate_back_(d_qkv, options);
}

}  // namespace tern::kernels
