#include "kernels/attention/attention_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include "kernels/attention/attention_cpu.h"
#include "kernels/common/check.h"

namespace tern::kernels {
namespace {

HeadRows query_and_key_rows(const at::Tensor& qkv, const QkvLayout& layout) {
  return {row_count(qkv), layout.width(), layout.num_heads + layout.num_kv_heads, layout.head_dim};
}

// [batch, seq, heads, head_dim], a view.
at::Tensor query_and_key_heads(const at::Tensor& qkv, const QkvLayout& layout) {
  return qkv.view({qkv.size(0), qkv.size(1), -1, layout.head_dim}).narrow(2, 0, layout.num_heads + layout.num_kv_heads);
}

// On a GPU this is the way of the backends that aren't fused: plain ops in float32.
at::Tensor normalise_by_aten_(const at::Tensor& qkv, const AttentionOptions& options) {
  at::Tensor heads = query_and_key_heads(qkv, options.layout);
  const at::Tensor x = heads.to(at::kFloat);
  const at::Tensor rstd = x.square().mean({-1}, /*keepdim=*/true).add_(options.norm.eps).rsqrt_();
  heads.copy_(x * rstd * options.norm.gain);
  return rstd.squeeze(-1).contiguous();
}

void normalise_backward_by_aten_(at::Tensor& d_qkv, const at::Tensor& qkv, const at::Tensor& rstd,
                                 const AttentionOptions& options) {
  at::Tensor d_heads = query_and_key_heads(d_qkv, options.layout);
  const at::Tensor d = d_heads.to(at::kFloat);
  const at::Tensor unit = query_and_key_heads(qkv, options.layout).to(at::kFloat) / options.norm.gain;
  const at::Tensor along = (d * unit).mean({-1}, /*keepdim=*/true);
  d_heads.copy_((d - unit * along) * rstd.unsqueeze(-1) * options.norm.gain);
}

}  // namespace

at::ScalarType attention_statistics_dtype(const at::Tensor& qkv) {
  return qkv.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor normalise_heads_(at::Tensor& qkv, const AttentionOptions& options) {
  if (options.norm.gain == 0) return {};
  if (qkv.is_cuda()) return normalise_by_aten_(qkv, options);
  const QkvLayout& layout = options.layout;
  at::Tensor rstd = at::empty({qkv.size(0), qkv.size(1), layout.num_heads + layout.num_kv_heads},
                              qkv.options().dtype(attention_statistics_dtype(qkv)));
  with_cpu_level_and_type(qkv.scalar_type(), [&]<CpuLevel level, class T>() {
    head_norm_cpu<level>(qkv.mutable_data_ptr<T>(), rstd.mutable_data_ptr<HeadRstdType<T>>(), options.norm.gain,
                         options.norm.eps, query_and_key_rows(qkv, layout));
  });
  return rstd;
}

void normalise_heads_backward_(at::Tensor& d_qkv, const at::Tensor& qkv, const at::Tensor& rstd,
                               const AttentionOptions& options) {
  if (options.norm.gain == 0) return;
  if (qkv.is_cuda()) return normalise_backward_by_aten_(d_qkv, qkv, rstd, options);
  with_cpu_level_and_type(qkv.scalar_type(), [&]<CpuLevel level, class T>() {
    head_norm_backward_cpu<level>(d_qkv.mutable_data_ptr<T>(), qkv.const_data_ptr<T>(),
                                  rstd.const_data_ptr<HeadRstdType<T>>(), options.norm.gain,
                                  query_and_key_rows(qkv, options.layout));
  });
}

}  // namespace tern::kernels
