// Attention of one new token per row to the keys and values of a cache, where they lie:
//
//   out = softmax(scale q k^T) v        over the last `seen` of the `length` positions
//
// Query head h uses key/value head h / (num_heads / num_kv_heads). Heads are independent, and positions are taken in
// order: results are the same for every number of threads.
// On the CPU, float32. Errors: tern::Error (usage) naming the argument, before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tern::kernels {

// The same as memory, for those who hold it anyway.
struct DecodeAttention {
  const float* q;       // [rows, num_heads head_dim], rows q_stride elements apart
  const float* keys;    // [rows, num_kv_heads, positions, head_dim]
  const float* values;  // as keys
  float* scores;        // [rows, num_heads, positions], room to work in
  float* out;           // [rows, num_heads head_dim]
  int64_t rows, num_heads, num_kv_heads, head_dim, positions;
  int64_t q_stride;
  int64_t length, seen;  // 1 <= seen <= length <= positions
  float scale;
};

// Heads begin ... end of all rows * num_heads. On the caller's thread; nothing is checked.
void decode_attention(const DecodeAttention& problem, int64_t begin, int64_t end);

// All of it, on all threads. q: [rows, num_heads * head_dim] within rows of any width (stride of the last dimension 1).
// keys, values: [rows, num_kv_heads, positions, head_dim], contiguous.
// scores: [rows, num_heads, positions], room to work in; out: [rows, num_heads * head_dim]; both contiguous.
void decode_attention(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values, int64_t length,
                      int64_t seen, double scale, at::Tensor& scores, at::Tensor& out);

}  // namespace tern::kernels
