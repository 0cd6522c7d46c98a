// Attention by plain matrix products, the path that every other one is measured against. Query heads that share a
// key/value head form a dimension of their own: q [batch, kv heads, group, seq, head_dim].
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>

#include <limits>

#include "kernels/attention/attention_path.h"

namespace tern::kernels {

std::optional<at::Tensor> attention_hidden(const AttentionProblem& problem) {
  if (!problem.causal) return std::nullopt;
  const int64_t seq_len = problem.in.q.size(2);
  const at::Tensor position = at::arange(seq_len, at::dtype(at::kLong).device(problem.in.q.device()));
  const at::Tensor distance = position.unsqueeze(1) - position.unsqueeze(0);
  const at::Tensor later = distance.lt(0);
  return problem.window_left < 0 ? later : later.logical_or(distance.gt(problem.window_left));
}

namespace {

at::Tensor wide(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

struct Parts {
  at::Tensor q, k, v, scores;
};

at::Tensor by_group(const at::Tensor& x, int64_t kv_heads) {
  return wide(x).unflatten(1, {kv_heads, x.size(1) / kv_heads});
}

Parts parts_of(const AttentionProblem& problem) {
  const AttentionHeads& in = problem.in;
  Parts parts{by_group(in.q, in.k.size(1)), wide(in.k).unsqueeze(2), wide(in.v).unsqueeze(2), {}};
  parts.scores = at::matmul(parts.q, parts.k.transpose(-1, -2)).mul_(problem.scale);
  if (const auto hidden = attention_hidden(problem)) {
    parts.scores.masked_fill_(*hidden, -std::numeric_limits<double>::infinity());
  }
  return parts;
}

AttentionPathResult forward(const AttentionProblem& problem) {
  Parts parts = parts_of(problem);
  const at::Tensor lse = at::logsumexp(parts.scores, -1, /*keepdim=*/true);
  const at::Tensor out = at::matmul(parts.scores.sub_(lse).exp_(), parts.v);
  return {out.flatten(1, 2).to(problem.in.q.scalar_type()), lse.squeeze(-1).flatten(1, 2)};
}

AttentionHeads backward(const AttentionProblem& problem, const at::Tensor& dout_in, const at::Tensor& out_in,
                        const at::Tensor& lse) {
  const int64_t kv_heads = problem.in.k.size(1);
  Parts parts = parts_of(problem);
  const at::Tensor dout = by_group(dout_in, kv_heads), out = by_group(out_in, kv_heads);
  const at::Tensor weights = parts.scores.sub_(by_group(lse, kv_heads).unsqueeze(-1)).exp_();
  const at::Tensor delta = (dout * out).sum(-1, /*keepdim=*/true);
  const at::Tensor d_scores = at::matmul(dout, parts.v.transpose(-1, -2)).sub_(delta).mul_(weights).mul_(problem.scale);
  const at::Tensor dq = at::matmul(d_scores, parts.k).flatten(1, 2);
  const at::Tensor dk = at::matmul(d_scores.transpose(-1, -2), parts.q).sum(2);
  const at::Tensor dv = at::matmul(weights.transpose(-1, -2), dout).sum(2);
  return {dq, dk, dv};
}

}  // namespace

const AttentionPath kAttentionMath{forward, backward};

}  // namespace tern::kernels
