// Attention forward (FlashAttention-2, Dao 2023): a block owns queries of one head, walks over the keys they may see
// and never stores the scores. Contract: attention.h; parameters: attention_params.h.
//
// Each of the 4 warps owns 16 row_tiles queries: their scores, softmax and output stay in its registers. Keys and
// values come through two buffers: the copies for step n + 1 start after the barrier of step n, which shows that every
// warp is done with step n - 1, and run during the products of step n. One barrier per step.
//
// Two row tiles per warp halve the shared-memory reads per product (a fragment of k or v serves both), which otherwise
// take as long as the products themselves; one row tile gives twice the blocks, for short sequences and small batches.
// attention_config.h chooses.
#pragma once

#include "kernels/attention/attention_mask.cuh"
#include "kernels/attention/attention_tile.cuh"

namespace tern::kernels {

// Keys per step. Wider ones leave too few registers (head size 128) or add nothing (64).
constexpr int attention_forward_keys(int head_dim) {
  return head_dim == 64 ? 64 : 32;
}

// Blocks that one multiprocessor shall hold: as many as registers allow without spilling.
constexpr int attention_forward_min_blocks(int row_tiles) {
  return row_tiles == 1 ? 3 : 2;
}

// Places in dynamic shared memory, in elements.
template <int head_dim, int row_tiles>
struct AttentionForwardShared {
  static constexpr int kQueries = kAttentionWarps * 16 * row_tiles;
  static constexpr int kKeys = attention_forward_keys(head_dim);
  static constexpr int kGap = simt::kSharedRedzone / 2;
  static constexpr int kTile = kKeys * head_dim + kGap;
  static constexpr int kFirstTile = kQueries * head_dim + kGap;
  static constexpr int kBytes = (kFirstTile + 4 * kTile) * 2;

  static __device__ __forceinline__ int keys(int stage) { return kFirstTile + stage * kTile; }
  static __device__ __forceinline__ int values(int stage) { return kFirstTile + (2 + stage) * kTile; }
};

// Running softmax of the rows l / 4 + 8 half of 16: maximum of the raw scores, and this lane's part of the sum.
struct SoftmaxRow {
  float largest, sum;
};

// Turns raw scores into weights relative to the running maximum and rescales what was summed before.
template <int tiles, int columns>
__device__ __forceinline__ void softmax_step(Accumulator<tiles>& scores, Accumulator<columns>& out,
                                             SoftmaxRow (&rows)[2], float scale_log2) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    SoftmaxRow& row = rows[half];
    float largest = row.largest;
#pragma unroll
    for (int j = 0; j < tiles; ++j) largest = fmaxf(largest, fmaxf(scores[j][2 * half], scores[j][2 * half + 1]));
    largest = fmaxf(largest, __shfl_xor_sync(kAllLanes, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(kAllLanes, largest, 2));
    const float base = largest == -INFINITY ? 0.0f : largest;  // no key yet: weights 2^-inf, not NaN
    const float offset = base * scale_log2;
    const float correction = fast_exp2((row.largest - base) * scale_log2);  // exactly 1 if nothing changed
    float sum = 0.0f;
#pragma unroll
    for (int j = 0; j < tiles; ++j)
#pragma unroll
      for (int i = 2 * half; i < 2 * half + 2; ++i) {
        scores[j][i] = fast_exp2(fmaf(scores[j][i], scale_log2, -offset));
        sum += scores[j][i];
      }
    row.sum = fmaf(row.sum, correction, sum);
    row.largest = largest;
#pragma unroll
    for (int j = 0; j < columns; ++j)
#pragma unroll
      for (int i = 2 * half; i < 2 * half + 2; ++i) out[j][i] *= correction;
  }
}

// Divides by the softmax sums and stores lse and outputs: through the warp's own queries' place in shared memory, so
// that global memory is written 16 bytes at a time. `first`: the block's first query.
template <int head_dim, int row_tiles>
__device__ __forceinline__ void store_output(const AttentionForwardParams& p,
                                             const Accumulator<head_dim / 8> (&out)[row_tiles],
                                             const SoftmaxRow (&rows)[row_tiles][2], Bf16* staging, int first) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads, warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int head = static_cast<int>(blockIdx.y), batch = static_cast<int>(blockIdx.z);
  const AttentionShape& shape = p.in.shape;
  __syncwarp();  // the last step's reads of the queries are over
#pragma unroll
  for (int r = 0; r < row_tiles; ++r)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const SoftmaxRow& row = rows[r][half];
      float sum = row.sum;
      sum += __shfl_xor_sync(kAllLanes, sum, 1);
      sum += __shfl_xor_sync(kAllLanes, sum, 2);
      const float factor = sum == 0.0f ? 0.0f : 1.0f / sum;
      const int in_block = (warp * row_tiles + r) * 16 + half * 8 + lane / 4;
      if (lane % 4 == 0 && first + in_block < shape.seq_q)
        p.lse[(int64_t{batch} * shape.num_heads + head) * shape.seq_q + first + in_block] =
            sum == 0.0f ? -INFINITY : fmaf(row.largest, p.in.scale_log2 * kLn2, logf(sum));
#pragma unroll
      for (int j = 0; j < head_dim / 8; ++j)
        *reinterpret_cast<uint32_t*>(staging + tile_offset<head_dim>(in_block, j) + lane % 4 * 2) =
            pack_bf16x2(out[r][j][2 * half] * factor, out[r][j][2 * half + 1] * factor);
    }
  __syncwarp();
  Bf16* const to = p.out.data + batch * p.out.batch + head * p.out.head + int64_t{first} * p.out.token;
#pragma unroll
  for (int i = 0; i < 16 * row_tiles * (head_dim / 8) / kWarpThreads; ++i) {
    const int index = lane + i * kWarpThreads, chunk = index % (head_dim / 8);
    const int in_block = warp * row_tiles * 16 + index / (head_dim / 8);
    if (first + in_block < shape.seq_q)
      *reinterpret_cast<uint4*>(to + in_block * p.out.token + chunk * 8) =
          *reinterpret_cast<const uint4*>(staging + tile_offset<head_dim>(in_block, chunk));
  }
}

template <int head_dim, int row_tiles>
__global__ void __launch_bounds__(kAttentionThreads, attention_forward_min_blocks(row_tiles))
    attention_forward_kernel(SIMT_PARAM AttentionForwardParams p) {
  using Shared = AttentionForwardShared<head_dim, row_tiles>;
  constexpr int kQueries = Shared::kQueries, kKeys = Shared::kKeys;
  SIMT_DYN_SHARED(raw);
  Bf16* const shared = reinterpret_cast<Bf16*>(raw);
  Bf16* const queries = shared;
#pragma unroll
  for (int i = 0; i < 4; ++i) simt::shared_redzone(shared + Shared::kFirstTile + i * Shared::kTile - Shared::kGap);

  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads, warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  // Under a causal mask late queries see most keys: they start first.
  const int first = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kQueries;
  const int head = static_cast<int>(blockIdx.y), batch = static_cast<int>(blockIdx.z);
  const AttentionShape& shape = p.in.shape;
  const int kv_head = head / (shape.num_heads / shape.num_kv_heads);
  const int shift = shape.seq_k - shape.seq_q;
  const Bf16* const q = p.in.q.data + batch * p.in.q.batch + head * p.in.q.head + int64_t{first} * p.in.q.token;
  const Bf16* const k = p.in.k.data + batch * p.in.k.batch + kv_head * p.in.k.head;
  const Bf16* const v = p.in.v.data + batch * p.in.v.batch + kv_head * p.in.v.head;
  const AttentionSteps steps = visible_key_steps<kKeys>(shape, first, min(first + kQueries, shape.seq_q) - 1);

  const auto copy_step = [&](int step, int stage) {
    const int key = step * kKeys;
    copy_tile<kKeys, head_dim>(shared + Shared::keys(stage), k + int64_t{key} * p.in.k.token, p.in.k.token,
                               shape.seq_k - key);
    copy_tile<kKeys, head_dim>(shared + Shared::values(stage), v + int64_t{key} * p.in.v.token, p.in.v.token,
                               shape.seq_k - key);
  };
  copy_tile<kQueries, head_dim>(queries, q, p.in.q.token, shape.seq_q - first);
  if (steps.begin < steps.end) copy_step(steps.begin, 0);
  cp_async_commit();

  Accumulator<head_dim / 8> out[row_tiles];
  SoftmaxRow rows[row_tiles][2];
  clear(out);
  // Not by default member initialisers: nvcc 13.0 applies them to the first row of such an array and zeroes the others.
#pragma unroll
  for (int r = 0; r < row_tiles; ++r)
#pragma unroll
    for (int half = 0; half < 2; ++half) rows[r][half] = {-INFINITY, 0.0f};
#pragma unroll 1
  for (int step = steps.begin; step < steps.end; ++step) {
    const int stage = (step - steps.begin) & 1, key = step * kKeys;
    Bf16* const keys = shared + Shared::keys(stage);
    cp_async_wait<0>();
    if (step == steps.begin)
      prepare_tile<kQueries, head_dim>(queries, p.in.rotation, p.in.norm, first + shift, shape.seq_q - first);
    prepare_tile<kKeys, head_dim>(keys, p.in.rotation, p.in.norm, key, shape.seq_k - key);
    __syncthreads();
    if (step + 1 < steps.end) {
      copy_step(step + 1, stage ^ 1);
      cp_async_commit();
    }
    Accumulator<kKeys / 8> scores[row_tiles];
    clear(scores);
    // Queries are read again in every step: registers that hold them would cost more than the reads.
    multiply_transposed<head_dim>(scores, keys, [&](int i, int r, uint32_t(&fragment)[4]) {
      load_left<head_dim>(fragment, queries, (warp * row_tiles + r) * 16, i * 2);
    });
#pragma unroll
    for (int r = 0; r < row_tiles; ++r) {
      const int position = first + shift + (warp * row_tiles + r) * 16;  // of the first of 16 rows
      if (has_hidden(shape, position, 16, key, kKeys))
        hide_keys(scores[r], shape, position + lane / 4, key + lane % 4 * 2);
      softmax_step(scores[r], out[r], rows[r], p.in.scale_log2);
    }
    multiply<head_dim, kKeys>(out, shared + Shared::values(stage), 0,
                              [&](int i, int r, uint32_t(&fragment)[4]) { pack_left(fragment, scores[r], i); });
  }
  if (steps.begin >= steps.end) {  // no key at all: the queries are still on their way, other warps' rows with them
    cp_async_wait<0>();
    __syncthreads();
  }
  store_output<head_dim>(p, out, rows, queries, first);
}

}  // namespace tern::kernels
