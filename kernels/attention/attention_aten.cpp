// ATen's own attention kernels as paths.
#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "kernels/attention/attention_path.h"

namespace tern::kernels {
namespace {

// Additive mask of a causal window; nothing where ATen's own causal mask (or none) is enough.
std::optional<at::Tensor> window_mask(const AttentionProblem& problem) {
  if (problem.window_left < 0) return std::nullopt;
  const int64_t seq_len = problem.in.q.size(2);
  return at::full({seq_len, seq_len}, 0.0, problem.in.q.options())
      .masked_fill_(*attention_hidden(problem), -std::numeric_limits<double>::infinity())
      .view({1, 1, seq_len, seq_len});
}

AttentionPathResult cpu_forward(const AttentionProblem& problem) {
  const auto mask = window_mask(problem);
  auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(problem.in.q, problem.in.k, problem.in.v, 0.0,
                                                                    problem.causal && !mask, mask, problem.scale);
  return {out, lse};
}

AttentionHeads cpu_backward(const AttentionProblem& problem, const at::Tensor& dout, const at::Tensor& out,
                            const at::Tensor& lse) {
  const auto mask = window_mask(problem);
  const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      dout, problem.in.q, problem.in.k, problem.in.v, out, lse, 0.0, problem.causal && !mask, mask, problem.scale);
  return {dq, dk, dv};
}

// State of a dropout that isn't wanted: the kernels take it and don't look at it.
at::Tensor no_dropout(const at::Tensor& like) {
  return at::zeros({2}, like.options().dtype(at::kLong));
}

AttentionPathResult flash_forward(const AttentionProblem& problem) {
  const auto result = at::_scaled_dot_product_flash_attention(problem.in.q, problem.in.k, problem.in.v, 0.0,
                                                              problem.causal, false, problem.scale);
  return {std::get<0>(result), std::get<1>(result)};
}

AttentionHeads flash_backward(const AttentionProblem& problem, const at::Tensor& dout, const at::Tensor& out,
                              const at::Tensor& lse) {
  const at::Tensor seed = no_dropout(dout);
  const int64_t seq_len = dout.size(2);
  const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_backward(
      dout, problem.in.q, problem.in.k, problem.in.v, out, lse, {}, {}, seq_len, seq_len, 0.0, problem.causal, seed,
      seed, problem.scale);
  return {dq, dk, dv};
}

AttentionPathResult cudnn_forward(const AttentionProblem& problem) {
  const auto result = at::_scaled_dot_product_cudnn_attention(problem.in.q, problem.in.k, problem.in.v, std::nullopt,
                                                              true, 0.0, problem.causal, false, problem.scale);
  return {std::get<0>(result), std::get<1>(result).squeeze(-1)};
}

AttentionHeads cudnn_backward(const AttentionProblem& problem, const at::Tensor& dout, const at::Tensor& out,
                              const at::Tensor& lse) {
  const at::Tensor seed = at::zeros({}, dout.options().dtype(at::kLong));
  const int64_t seq_len = dout.size(2);
  const auto [dq, dk, dv] = at::_scaled_dot_product_cudnn_attention_backward(
      dout, problem.in.q, problem.in.k, problem.in.v, out, lse.unsqueeze(-1), seed, seed, {}, {}, {}, seq_len, seq_len,
      0.0, problem.causal, problem.scale);
  return {dq, dk, dv};
}

}  // namespace

const AttentionPath kAttentionCpuFlash{cpu_forward, cpu_backward};
const AttentionPath kAttentionCudaFlash{flash_forward, flash_backward};
const AttentionPath kAttentionCudnn{cudnn_forward, cudnn_backward};

}  // namespace tern::kernels
