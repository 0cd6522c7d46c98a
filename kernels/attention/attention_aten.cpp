// ATen's own attention kernels as paths.
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
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

// By heads, [batch, heads, seq, head_dim], or by tokens, [batch, seq, heads, head_dim]: the other one of the two.
at::Tensor other_order(const at::Tensor& x) {
  return x.transpose(1, 2);
}

// The op that has a window takes its tensors by tokens.
AttentionPathResult flash_window_forward(const AttentionProblem& problem) {
  const auto& [q, k, v] = problem.in;
  const int64_t seq_len = q.size(2);
  const auto result =
      at::_flash_attention_forward(other_order(q), other_order(k), other_order(v), {}, {}, seq_len, seq_len, 0.0,
                                   problem.causal, false, problem.scale, problem.window_left, /*window_size_right=*/0);
  return {other_order(std::get<0>(result)), std::get<1>(result)};
}

AttentionHeads flash_window_backward(const AttentionProblem& problem, const at::Tensor& dout, const at::Tensor& out,
                                     const at::Tensor& lse) {
  const auto& [q, k, v] = problem.in;
  const at::Tensor seed = no_dropout(dout);
  const int64_t seq_len = dout.size(2);
  const auto [dq, dk, dv] = at::_flash_attention_backward(
      other_order(dout), other_order(q), other_order(k), other_order(v), other_order(out), lse, {}, {}, seq_len,
      seq_len, 0.0, problem.causal, seed, seed, problem.scale, problem.window_left, /*window_size_right=*/0);
  return {other_order(dq), other_order(dk), other_order(dv)};
}

AttentionPathResult flash_forward(const AttentionProblem& problem) {
  if (problem.window_left >= 0) return flash_window_forward(problem);
  const auto result = at::_scaled_dot_product_flash_attention(problem.in.q, problem.in.k, problem.in.v, 0.0,
                                                              problem.causal, false, problem.scale);
  return {std::get<0>(result), std::get<1>(result)};
}

AttentionHeads flash_backward(const AttentionProblem& problem, const at::Tensor& dout, const at::Tensor& out,
                              const at::Tensor& lse) {
  if (problem.window_left >= 0) return flash_window_backward(problem, dout, out, lse);
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
