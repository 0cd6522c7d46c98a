// Attention backward over the keys: a block owns 64 keys of one key/value head, walks over all queries that see them,
// of every head of the group, and leaves dk and dv. Contract: attention.h; parameters: attention_params.h.
//
//   P = exp(scores - lse)     dv = P^T dout     dP = dout v^T     dS = P * (dP - delta)     dk = scale * dS^T q
//
// Scores are computed transposed, 16 keys per warp: P^T and dS^T then lie in registers as the left operands of dv and
// dk, and nothing passes through shared memory. Queries come through two buffers with one barrier per step, as the keys
// do in the forward pass.
//
// dq = scale * dS k sums over blocks. With atomics, dS^T goes through shared memory (a second barrier), and each block
// adds its part in float32: the order of the sums differs between runs. Without, a pass of its own computes dq
// (attention_backward_queries.cuh): two products more, the same result in every run.
#pragma once

#include "kernels/attention/attention_gradient.cuh"
#include "kernels/attention/attention_mask.cuh"

namespace tern::kernels {

// Places in dynamic shared memory, in elements. Keys and values lie together: 64 rows of float32 fit into both.
template <int head_dim, bool atomics>
struct AttentionBackwardKeysShared {
  static constexpr int kKeys = 64;
  static constexpr int kQueries = head_dim == 64 ? 64 : 32;  // of a step; wider ones leave too few registers
  static constexpr int kGap = simt::kSharedRedzone / 2;
  static constexpr int kValues = kKeys * head_dim;
  static constexpr int kFirstTile = 2 * kKeys * head_dim + kGap;
  static constexpr int kTile = kQueries * head_dim + kGap;
  static constexpr int kScores = kFirstTile + 4 * kTile;
  static constexpr int kStats = kScores + (atomics ? kKeys * kQueries + kGap : 0);
  static constexpr int kStatsTile = kQueries * static_cast<int>(sizeof(AttentionRowStats)) / 2;
  static constexpr int kBytes = (kStats + 2 * kStatsTile) * 2;

  static __device__ __forceinline__ int queries(int stage) { return kFirstTile + stage * kTile; }
  static __device__ __forceinline__ int douts(int stage) { return kFirstTile + (2 + stage) * kTile; }
  static __device__ __forceinline__ int stats(int stage) { return kStats + stage * kStatsTile; }
};

// Raw scores to weights, and derivatives of weights to those of scores. Columns are queries, whose statistics are read
// in pairs.
template <int tiles>
__device__ __forceinline__ void weights_by_column(Accumulator<tiles>& scores, const AttentionRowStats* stats,
                                                  float scale_log2) {
#pragma unroll
  for (int j = 0; j < tiles; ++j) {
    const float4 pair = *reinterpret_cast<const float4*>(stats + j * 8 + threadIdx.x % 4 * 2);
#pragma unroll
    for (int i = 0; i < 4; ++i)
      scores[j][i] = fast_exp2(fmaf(scores[j][i], scale_log2, -(i % 2 == 0 ? pair.x : pair.z)));
  }
}
template <int tiles>
__device__ __forceinline__ void score_gradients_by_column(Accumulator<tiles>& gradients,
                                                          const Accumulator<tiles>& weights,
                                                          const AttentionRowStats* stats) {
#pragma unroll
  for (int j = 0; j < tiles; ++j) {
    const float4 pair = *reinterpret_cast<const float4*>(stats + j * 8 + threadIdx.x % 4 * 2);
#pragma unroll
    for (int i = 0; i < 4; ++i) gradients[j][i] = weights[j][i] * (gradients[j][i] - (i % 2 == 0 ? pair.y : pair.w));
  }
}

// Puts dS^T of the warp's keys into its rows of a tile of 64 keys x queries, from the fragments that dk takes.
template <int queries>
__device__ __forceinline__ void store_score_gradients(Bf16* tile, const uint32_t (&fragments)[queries / 16][4]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads, warp = static_cast<int>(threadIdx.x) / kWarpThreads;
#pragma unroll
  for (int step = 0; step < queries / 16; ++step)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = warp * 16 + i % 2 * 8 + lane / 4, chunk = 2 * step + i / 2;
      *reinterpret_cast<uint32_t*>(tile + tile_offset<queries>(row, chunk) + lane % 4 * 2) = fragments[step][i];
    }
}

// Adds dS k of one step to the sums of dq. `scores`: dS^T of the whole block. The warps share the tile of queries x
// head_dim between them.
template <int head_dim, int queries>
__device__ __forceinline__ void add_query_gradients(const Bf16* scores, const Bf16* keys, float* sums) {
  constexpr int kRowWarps = queries / 16, kColumns = head_dim * kRowWarps / kAttentionWarps;
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads, warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int row_warp = warp % kRowWarps, first_column = warp / kRowWarps * kColumns;
  uint32_t left[4][4];
#pragma unroll
  for (int step = 0; step < 4; ++step) load_left_transposed<queries>(left[step], scores, step * 16, row_warp * 2);
  float* const lane_sums = sums + (row_warp * 16 + lane / 4) * head_dim + lane % 4 * 2;
#pragma unroll 1  // 16 columns at a time: dk and dv leave no registers for more
  for (int column = first_column; column < first_column + kColumns; column += 16) {
    Accumulator<2> dq[1];
    clear(dq);
    multiply<head_dim, 64>(dq, keys, column / 8, [&](int step, int, uint32_t(&fragment)[4]) {
#pragma unroll
      for (int i = 0; i < 4; ++i) fragment[i] = left[step][i];
    });
#pragma unroll
    for (int j = 0; j < 2; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) atomicAdd(lane_sums + i / 2 * 8 * head_dim + column + j * 8 + i % 2, dq[0][j][i]);
  }
}

// Finishes and stores dk (`rows`) and dv, one after the other through `staging`: 64 rows of float32, in memory that all
// warps are done with.
template <int head_dim>
__device__ __forceinline__ void store_key_gradients(const AttentionBackwardParams& p, GradientRows rows, int batch,
                                                    int kv_head, const Accumulator<head_dim / 8>& dk,
                                                    const Accumulator<head_dim / 8>& dv, float* staging) {
  stage_gradient<head_dim>(staging, dk);
  __syncthreads();
  finish_gradient<head_dim>(rows, p.in.rotation, p.in.norm, p.in.scale_log2 * kLn2, staged<head_dim>(staging));
  __syncthreads();
  stage_gradient<head_dim>(staging, dv);
  __syncthreads();
  rows.to = p.dv.data + batch * p.dv.batch + kv_head * p.dv.head + int64_t{rows.position} * p.dv.token;
  rows.stride = p.dv.token;
  finish_gradient<head_dim>(rows, {}, {}, 1.0f, staged<head_dim>(staging));
}

template <int head_dim, bool atomics>
__global__ void __launch_bounds__(kAttentionThreads, 2)
    attention_backward_keys_kernel(SIMT_PARAM AttentionBackwardParams p) {
  using Shared = AttentionBackwardKeysShared<head_dim, atomics>;
  constexpr int kKeys = Shared::kKeys, kQueries = Shared::kQueries;
  SIMT_DYN_SHARED(raw);
  Bf16* const shared = reinterpret_cast<Bf16*>(raw);
  Bf16 *const keys = shared, *const values = shared + Shared::kValues;
#pragma unroll
  for (int i = 0; i < 5; ++i) simt::shared_redzone(shared + Shared::kFirstTile + i * Shared::kTile - Shared::kGap);
  if constexpr (atomics) simt::shared_redzone(shared + Shared::kStats - Shared::kGap);

  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads, warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int first = static_cast<int>(blockIdx.x) * kKeys, warp_key = first + warp * 16;
  const int kv_head = static_cast<int>(blockIdx.y), batch = static_cast<int>(blockIdx.z);
  const AttentionShape& shape = p.in.shape;
  const int group = shape.num_heads / shape.num_kv_heads, shift = shape.seq_k - shape.seq_q;
  const AttentionSteps steps = visible_query_steps<kQueries>(shape, first, min(first + kKeys, shape.seq_k) - 1);
  const Bf16* const k = p.in.k.data + batch * p.in.k.batch + kv_head * p.in.k.head + int64_t{first} * p.in.k.token;
  const Bf16* const v = p.in.v.data + batch * p.in.v.batch + kv_head * p.in.v.head + int64_t{first} * p.in.v.token;

  const auto copy_step = [&](int head, int step, int stage) {
    const int row = step * kQueries;
    copy_tile<kQueries, head_dim>(shared + Shared::queries(stage),
                                  p.in.q.data + batch * p.in.q.batch + head * p.in.q.head + int64_t{row} * p.in.q.token,
                                  p.in.q.token, shape.seq_q - row);
    copy_tile<kQueries, head_dim>(shared + Shared::douts(stage),
                                  p.dout.data + batch * p.dout.batch + head * p.dout.head + int64_t{row} * p.dout.token,
                                  p.dout.token, shape.seq_q - row);
    if (threadIdx.x < kQueries / 2)
      cp_async16(shared + Shared::stats(stage) + threadIdx.x * 8,
                 p.stats + workspace_row(shape, batch, head, row) + threadIdx.x * 2, true);
  };
  copy_tile<kKeys, head_dim>(keys, k, p.in.k.token, shape.seq_k - first);
  copy_tile<kKeys, head_dim>(values, v, p.in.v.token, shape.seq_k - first);
  if (steps.begin < steps.end) copy_step(kv_head * group, steps.begin, 0);
  cp_async_commit();

  Accumulator<head_dim / 8> dk[1], dv[1];
  clear(dk);
  clear(dv);
  int head = kv_head * group, step = steps.begin;
  const int end_head = steps.begin < steps.end ? head + group : head;
#pragma unroll 1
  for (int stage = 0; head < end_head; stage ^= 1) {
    const Bf16* const queries = shared + Shared::queries(stage);
    const Bf16* const douts = shared + Shared::douts(stage);
    const auto* const stats = reinterpret_cast<const AttentionRowStats*>(shared + Shared::stats(stage));
    const int row = step * kQueries;
    float* const sums = atomics ? p.dq_sum + workspace_row(shape, batch, head, row) * head_dim : nullptr;
    cp_async_wait<0>();
    if (head == kv_head * group && step == steps.begin)
      prepare_tile<kKeys, head_dim>(keys, p.in.rotation, p.in.norm, first, shape.seq_k - first);
    prepare_tile<kQueries, head_dim>(shared + Shared::queries(stage), p.in.rotation, p.in.norm, row + shift,
                                     shape.seq_q - row);
    __syncthreads();
    if (++step == steps.end) step = steps.begin, ++head;
    if (head < end_head) {
      copy_step(head, step, stage ^ 1);
      cp_async_commit();
    }
    Accumulator<kQueries / 8> weights[1], gradients[1];
    clear(weights);
    multiply_transposed<head_dim>(weights, queries, [&](int i, int, uint32_t(&fragment)[4]) {
      load_left<head_dim>(fragment, keys, warp * 16, i * 2);
    });
    if (has_hidden(shape, row + shift, kQueries, warp_key, 16))
      hide_queries(weights[0], shape, row + shift + lane % 4 * 2, warp_key + lane / 4);
    weights_by_column(weights[0], stats, p.in.scale_log2);
    multiply<head_dim, kQueries>(dv, douts, 0,
                                 [&](int i, int, uint32_t(&fragment)[4]) { pack_left(fragment, weights[0], i); });
    clear(gradients);
    multiply_transposed<head_dim>(gradients, douts, [&](int i, int, uint32_t(&fragment)[4]) {
      load_left<head_dim>(fragment, values, warp * 16, i * 2);
    });
    score_gradients_by_column(gradients[0], weights[0], stats);
    uint32_t fragments[kQueries / 16][4];
#pragma unroll
    for (int i = 0; i < kQueries / 16; ++i) pack_left(fragments[i], gradients[0], i);
    if constexpr (atomics) store_score_gradients<kQueries>(shared + Shared::kScores, fragments);
    multiply<head_dim, kQueries>(dk, queries, 0, [&](int i, int, uint32_t(&fragment)[4]) {
#pragma unroll
      for (int j = 0; j < 4; ++j) fragment[j] = fragments[i][j];
    });
    if constexpr (atomics) {
      __syncthreads();
      add_query_gradients<head_dim, kQueries>(shared + Shared::kScores, keys, sums);
    }
  }

  cp_async_wait<0>();  // without any query the keys are still on their way
  __syncthreads();
  const GradientRows rows{k,
                          p.dk.data + batch * p.dk.batch + kv_head * p.dk.head + int64_t{first} * p.dk.token,
                          p.in.k.token,
                          p.dk.token,
                          first,
                          shape.seq_k - first};
  store_key_gradients<head_dim>(p, rows, batch, kv_head, dk[0], dv[0], reinterpret_cast<float*>(raw));
}

}  // namespace tern::kernels
