// Which keys a query sees (AttentionShape), by tiles and by elements.
#pragma once

#include "kernels/attention/attention_tile.cuh"

namespace tern::kernels {

// Steps [begin, end) of a walk over keys or queries.
struct AttentionSteps {
  int begin, end;
};

// Steps of `keys` keys each that some query of [first, last] sees.
template <int keys>
__device__ __forceinline__ AttentionSteps visible_key_steps(const AttentionShape& shape, int first, int last) {
  const int shift = shape.seq_k - shape.seq_q;
  const int first_key = max(0, first + shift - shape.keys_left);
  const int last_key = min(shape.seq_k - 1, last + shift + shape.keys_right);
  return {first_key / keys, last_key < 0 ? 0 : last_key / keys + 1};
}

// Steps of `queries` queries each that see some key of [first, last].
template <int queries>
__device__ __forceinline__ AttentionSteps visible_query_steps(const AttentionShape& shape, int first, int last) {
  const int shift = shape.seq_k - shape.seq_q;
  const int first_query = max(0, first - shift - shape.keys_right);
  const int last_query = min(shape.seq_q - 1, last - shift + shape.keys_left);
  return {first_query / queries, last_query < 0 ? 0 : last_query / queries + 1};
}

// Does any pair of `queries` positions and `keys` keys have to be hidden?
__device__ __forceinline__ bool has_hidden(const AttentionShape& shape, int position, int queries, int key, int keys) {
  const int last_key = key + keys - 1;
  return last_key >= shape.seq_k || last_key > position + shape.keys_right ||
         key < position + queries - 1 - shape.keys_left;
}

__device__ __forceinline__ bool is_hidden(const AttentionShape& shape, int position, int key) {
  return key >= shape.seq_k || key > position + shape.keys_right || key < position - shape.keys_left;
}

// Hides scores whose rows are queries. `position`, `key`: of the lane's first element.
template <int tiles>
__device__ __forceinline__ void hide_keys(Accumulator<tiles>& scores, const AttentionShape& shape, int position,
                                          int key) {
#pragma unroll
  for (int j = 0; j < tiles; ++j)
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (is_hidden(shape, position + i / 2 * 8, key + j * 8 + i % 2)) scores[j][i] = -INFINITY;
}

// The same for scores whose rows are keys.
template <int tiles>
__device__ __forceinline__ void hide_queries(Accumulator<tiles>& scores, const AttentionShape& shape, int position,
                                             int key) {
#pragma unroll
  for (int j = 0; j < tiles; ++j)
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (is_hidden(shape, position + j * 8 + i % 2, key + i / 2 * 8)) scores[j][i] = -INFINITY;
}

}  // namespace tern::kernels
