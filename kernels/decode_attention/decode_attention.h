// Attention of one new token per row to the keys and values of a cache, where they lie:
//
//   out = softmax(scale q k^T) v        over the last `seen` of the `length` positions
//
// Query head h uses key/value head h / (num_heads / num_kv_heads). Heads are independent, and positions are taken in
// order: results are the same for every number of threads.
// On the CPU, float32. Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

// q: [rows, num_heads * head_dim] within rows of any width (stride of the last dimension 1). keys, values: [rows,
// num_kv_heads, positions, head_dim], contiguous. 1 <= seen <= length <= positions.
// scores: [rows, num_heads, positions], room to work in; out: [rows, num_heads * head_dim]; both contiguous.
void decode_attention(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values, int64_t length,
                      int64_t seen, double scale, at::Tensor& scores, at::Tensor& out);

}  // namespace tern::kernels
