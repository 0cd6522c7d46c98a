// Attention backward over the queries, without atomics: a block owns 64 queries of one head, walks over the keys they
// see and leaves dq = scale * dS k (formulas in attention_backward_keys.cuh). Every sum has a fixed order.
#pragma once

#include "kernels/attention/attention_gradient.cuh"
#include "kernels/attention/attention_mask.cuh"

namespace tern::kernels {

// Places in dynamic shared memory, in elements. Queries and dout lie together: 64 rows of float32 fit into both.
template <int head_dim>
struct AttentionBackwardQueriesShared {
  static constexpr int kQueries = 64;
  static constexpr int kKeys = head_dim == 64 ? 64 : 32;
  static constexpr int kGap = simt::kSharedRedzone / 2;
  static constexpr int kDout = kQueries * head_dim;
  static constexpr int kFirstTile = 2 * kQueries * head_dim + kGap;
  static constexpr int kTile = kKeys * head_dim + kGap;
  static constexpr int kBytes = (kFirstTile + 4 * kTile) * 2;

  static __device__ __forceinline__ int keys(int stage) { return kFirstTile + stage * kTile; }
  static __device__ __forceinline__ int values(int stage) { return kFirstTile + (2 + stage) * kTile; }
};

template <int head_dim>
__global__ void __launch_bounds__(kAttentionThreads, 2)
    attention_backward_queries_kernel(SIMT_PARAM AttentionBackwardParams p) {
  using Shared = AttentionBackwardQueriesShared<head_dim>;
  constexpr int kQueries = Shared::kQueries, kKeys = Shared::kKeys;
  SIMT_DYN_SHARED(raw);
  Bf16* const shared = reinterpret_cast<Bf16*>(raw);
  Bf16 *const queries = shared, *const douts = shared + Shared::kDout;
#pragma unroll
  for (int i = 0; i < 4; ++i) simt::shared_redzone(shared + Shared::kFirstTile + i * Shared::kTile - Shared::kGap);

  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads, warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int first = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kQueries;  // late queries see most keys
  const int head = static_cast<int>(blockIdx.y), batch = static_cast<int>(blockIdx.z);
  const AttentionShape& shape = p.in.shape;
  const int kv_head = head / (shape.num_heads / shape.num_kv_heads);
  const Bf16* const k = p.in.k.data + batch * p.in.k.batch + kv_head * p.in.k.head;
  const Bf16* const v = p.in.v.data + batch * p.in.v.batch + kv_head * p.in.v.head;
  const AttentionSteps steps = visible_key_steps<kKeys>(shape, first, min(first + kQueries, shape.seq_q) - 1);
  const GradientRows rows = query_rows(p, batch, head, first);

  const auto copy_step = [&](int step, int stage) {
    const int key = step * kKeys;
    copy_tile<kKeys, head_dim>(shared + Shared::keys(stage), k + int64_t{key} * p.in.k.token, p.in.k.token,
                               shape.seq_k - key);
    copy_tile<kKeys, head_dim>(shared + Shared::values(stage), v + int64_t{key} * p.in.v.token, p.in.v.token,
                               shape.seq_k - key);
  };
  copy_tile<kQueries, head_dim>(queries, rows.raw, rows.raw_stride, rows.valid_rows);
  copy_tile<kQueries, head_dim>(douts,
                                p.dout.data + batch * p.dout.batch + head * p.dout.head + int64_t{first} * p.dout.token,
                                p.dout.token, rows.valid_rows);
  if (steps.begin < steps.end) copy_step(steps.begin, 0);
  cp_async_commit();

  AttentionRowStats stats[2];
#pragma unroll
  for (int half = 0; half < 2; ++half)
    stats[half] = p.stats[workspace_row(shape, batch, head, first + warp * 16 + half * 8 + lane / 4)];
  Accumulator<head_dim / 8> dq[1];
  clear(dq);
#pragma unroll 1
  for (int step = steps.begin; step < steps.end; ++step) {
    const int stage = (step - steps.begin) & 1, key = step * kKeys;
    Bf16* const keys = shared + Shared::keys(stage);
    cp_async_wait<0>();
    if (step == steps.begin)
      prepare_tile<kQueries, head_dim>(queries, p.in.rotation, p.in.norm, rows.position, rows.valid_rows);
    prepare_tile<kKeys, head_dim>(keys, p.in.rotation, p.in.norm, key, shape.seq_k - key);
    __syncthreads();
    if (step + 1 < steps.end) {
      copy_step(step + 1, stage ^ 1);
      cp_async_commit();
    }
    Accumulator<kKeys / 8> weights[1], gradients[1];
    clear(weights);
    multiply_transposed<head_dim>(weights, keys, [&](int i, int, uint32_t(&fragment)[4]) {
      load_left<head_dim>(fragment, queries, warp * 16, i * 2);
    });
    const int position = rows.position + warp * 16;
    if (has_hidden(shape, position, 16, key, kKeys))
      hide_keys(weights[0], shape, position + lane / 4, key + lane % 4 * 2);
    clear(gradients);
    multiply_transposed<head_dim>(gradients, shared + Shared::values(stage), [&](int i, int, uint32_t(&fragment)[4]) {
      load_left<head_dim>(fragment, douts, warp * 16, i * 2);
    });
#pragma unroll
    for (int j = 0; j < kKeys / 8; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float weight = fast_exp2(fmaf(weights[0][j][i], p.in.scale_log2, -stats[i / 2].lse_log2));
        gradients[0][j][i] = weight * (gradients[0][j][i] - stats[i / 2].delta);
      }
    multiply<head_dim, kKeys>(dq, keys, 0,
                              [&](int i, int, uint32_t(&fragment)[4]) { pack_left(fragment, gradients[0], i); });
  }

  float* const staging = reinterpret_cast<float*>(raw);
  cp_async_wait<0>();  // without any key the queries are still on their way
  __syncthreads();
  stage_gradient<head_dim>(staging, dq[0]);
  __syncthreads();
  finish_gradient<head_dim>(rows, p.in.rotation, p.in.norm, p.in.scale_log2 * kLn2, staged<head_dim>(staging));
}

}  // namespace tern::kernels
