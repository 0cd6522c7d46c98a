// Cross entropy of logits against labels, with everything that a training step asks of the logits in one pass: loss,
// gradient, argmax, correctness. Row by row, over the first `vocab` columns (the rest is padding):
//
//   softcap:     z = cap * tanh(x / cap)                             (z = x without one)
//   softmax:     loss = log sum_j exp(z_j) - z_label                 d loss / dz_j = softmax(z)_j - [j = label]
//   stablemax:   loss = log sum_j s(z_j) - log s(z_label)            d loss / dz_j = s'(z_j) (1 / sum s - [j = label] /
//   s(z_j))
//                s(z) = z + 1 for z >= 0, 1 / (1 - z) for z < 0      (Prieto et al. 2025)
//
// Rows whose label is ignore_index have loss 0 and gradient 0 and are never correct.
//
// logits: [..., width], width >= vocab, contiguous; float32, bfloat16 or float64.
// labels: [...], int32 or int64, contiguous; each ignore_index or in 0..vocab-1.
// Precision: stablemax in float64 inside registers for every dtype (upstream converts the whole tensor); softmax in
// float32 (float64 for float64 logits).
// Rows are independent: results are the same for every number of threads.
// On a GPU: float32 and bfloat16, float32 arithmetic that matches float64 (cross_entropy_row.cuh).
// Errors: tern::Error (usage) naming the argument (and the label that is out of range), before anything is written. On
// a GPU labels are not looked at before: one that is out of range makes its row's loss and gradient NaN.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

enum class CrossEntropyKind { softmax, stablemax };

struct CrossEntropyOptions {
  CrossEntropyKind kind = CrossEntropyKind::softmax;
  int64_t ignore_index = -100;
  double softcap = 0;  // 0: none
  int64_t vocab = 0;   // 0: all columns
  // Losses and row_grad in float64 whatever the logits are: nothing is then rounded between stablemax and the logits.
  // On the CPU only.
  bool float64_loss = false;
};

struct CrossEntropyResult {
  at::Tensor loss;           // [...], float32 (float64 for float64 logits or with float64_loss)
  at::Tensor argmax;         // [...], int64: the first of the largest logits
  at::Tensor valid_count;    // labels' shape without the last dimension, int64: labels that are not ignored
  at::Tensor correct_count;  // as valid_count: valid labels with argmax == label
};
// A sequence (last dimension of labels) is exact where correct_count == valid_count.

[[nodiscard]] CrossEntropyResult cross_entropy_forward(const at::Tensor& logits, const at::Tensor& labels,
                                                       const CrossEntropyOptions& options);

// The same, and d_logits = row_grad[row] * d loss[row] / d logits, padding 0. row_grad: [...], dtype of loss: how much
// each row's loss counts in the final sum (1 / number of valid labels, for a mean). d_logits: shape and dtype of
// logits, written in place if defined (logits itself is allowed), else allocated.
[[nodiscard]] CrossEntropyResult cross_entropy_forward_backward(const at::Tensor& logits, const at::Tensor& labels,
                                                                const at::Tensor& row_grad,
                                                                const CrossEntropyOptions& options,
                                                                at::Tensor& d_logits);

// The gradient alone, from the logits again; d_logits as above.
void cross_entropy_backward(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& row_grad,
                            const CrossEntropyOptions& options, at::Tensor& d_logits);

// With autograd: result.loss carries the graph. Inputs need not be contiguous (they are copied if not).
[[nodiscard]] CrossEntropyResult cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                               const CrossEntropyOptions& options);

// The checks of labels and of options (vocab against `width` columns), for ops that fuse a projection; `op` names the
// caller in errors. Returns the labels as int64.
[[nodiscard]] at::Tensor check_cross_entropy_labels(const char* op, const at::Tensor& labels, at::IntArrayRef shape,
                                                    int64_t width, const CrossEntropyOptions& options);

}  // namespace tern::kernels
