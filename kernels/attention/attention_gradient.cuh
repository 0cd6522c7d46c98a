// What the passes of the attention backward share: statistics of the queries before, and the way of a gradient out of
// float32 sums: scale, derivative of norm and rotation, one rounding.
#pragma once

#include "kernels/attention/attention_tile.cuh"

namespace tern::kernels {

// Row of a workspace.
__device__ __forceinline__ int64_t workspace_row(const AttentionShape& shape, int batch, int head, int row) {
  return (int64_t{batch} * shape.num_heads + head) * attention_padded_rows(shape.seq_q) + row;
}

template <int head_dim>
constexpr int kStatsRows = kAttentionThreads / (head_dim / 8);  // of a block

// AttentionRowStats of every query, and zeros for the sums of dq. One chunk per thread.
template <int head_dim>
__global__ void __launch_bounds__(kAttentionThreads, 12) attention_stats_kernel(SIMT_PARAM AttentionBackwardParams p) {
  const AttentionShape& shape = p.in.shape;
  const int thread = static_cast<int>(threadIdx.x), chunk = thread % (head_dim / 8);
  const int row = static_cast<int>(blockIdx.x) * kStatsRows<head_dim> + thread / (head_dim / 8);
  const int head = static_cast<int>(blockIdx.y), batch = static_cast<int>(blockIdx.z);
  const bool valid = row < shape.seq_q;
  float delta = 0;
  if (valid) {
    float gradient[8], output[8];
    load_floats(p.dout.data + batch * p.dout.batch + head * p.dout.head + int64_t{row} * p.dout.token + chunk * 8,
                gradient);
    load_floats(p.out.data + batch * p.out.batch + head * p.out.head + int64_t{row} * p.out.token + chunk * 8, output);
#pragma unroll
    for (int i = 0; i < 8; ++i) delta = fmaf(gradient[i], output[i], delta);
  }
#pragma unroll
  for (int offset = 1; offset < head_dim / 8; offset *= 2) delta += __shfl_xor_sync(kAllLanes, delta, offset);
  const int64_t at = workspace_row(shape, batch, head, row);
  if (chunk == 0) {
    const float lse = valid ? p.lse[(int64_t{batch} * shape.num_heads + head) * shape.seq_q + row] : -INFINITY;
    p.stats[at] = {lse == -INFINITY ? INFINITY : lse * kLog2E, delta};
  }
  if (p.dq_sum) {
    const float zeros[4] = {};
    store_floats(p.dq_sum + at * head_dim + chunk * 8, zeros);
    store_floats(p.dq_sum + at * head_dim + chunk * 8 + 4, zeros);
  }
}

// Puts a warp's accumulator into rows warp * 16 ... of a float tile.
template <int width>
__device__ __forceinline__ void stage_gradient(float* tile, const Accumulator<width / 8>& sum) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads, warp = static_cast<int>(threadIdx.x) / kWarpThreads;
#pragma unroll
  for (int j = 0; j < width / 8; ++j)
#pragma unroll
    for (int half = 0; half < 2; ++half)
      *reinterpret_cast<float2*>(tile + tile_offset<width>(warp * 16 + half * 8 + lane / 4, j) + lane % 4 * 2) =
          make_float2(sum[j][2 * half], sum[j][2 * half + 1]);
}

// Derivative of a row's RMS norm (times gain): from that of the result to that of x, both in pairs of chunks. With
// u = x * rstd it is gain * rstd * (d - u * mean(d * u)).
template <int width>
__device__ __forceinline__ void undo_norm(float (&da)[8], float (&db)[8], float (&a)[8], float (&b)[8],
                                          const AttentionNorm& norm) {
  const float rstd = row_rstd<width>(a, b, norm.eps);
  float products = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    a[i] *= rstd, b[i] *= rstd;
    products = fmaf(db[i], b[i], fmaf(da[i], a[i], products));
  }
  const float mean = row_sum<width>(products) * (1.0f / width), factor = norm.gain * rstd;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    da[i] = factor * fmaf(-a[i], mean, da[i]);
    db[i] = factor * fmaf(-b[i], mean, db[i]);
  }
}

// 64 rows of q, k or v and their gradient.
struct GradientRows {
  const Bf16* raw;  // as the forward pass got them; read only for the norm
  Bf16* to;
  int raw_stride, stride;
  int position, valid_rows;
};

// load(row, chunk, eight) supplies sums of 64 rows; `factor` scales them.
template <int width, class Load>
__device__ __forceinline__ void finish_gradient(const GradientRows& rows, const AttentionRotation& rotation,
                                                const AttentionNorm& norm, float factor, const Load& load) {
#pragma unroll 1
  for (int i = 0; i < kChunkPairs<64, width>; ++i) {
    const auto [row, chunk] = chunk_pair<width>(i);
    const bool valid = row < rows.valid_rows;
    float da[8], db[8];
    load(row, chunk, da);
    load(row, chunk + width / 16, db);
#pragma unroll
    for (int j = 0; j < 8; ++j) da[j] *= factor, db[j] *= factor;
    if (norm.gain != 0) {
      float a[8] = {}, b[8] = {};
      if (valid) {
        load_floats(rows.raw + int64_t{row} * rows.raw_stride + chunk * 8, a);
        load_floats(rows.raw + int64_t{row} * rows.raw_stride + chunk * 8 + width / 2, b);
        if (rotation.cos) rotate_pair<width>(a, b, rotation, rotation.direction, rows.position + row, chunk);
      }
      undo_norm<width>(da, db, a, b, norm);
    }
    if (!valid) continue;
    if (rotation.cos) rotate_pair<width>(da, db, rotation, -rotation.direction, rows.position + row, chunk);
    store_floats(rows.to + int64_t{row} * rows.stride + chunk * 8, da);
    store_floats(rows.to + int64_t{row} * rows.stride + chunk * 8 + width / 2, db);
  }
}

// load() for a tile that stage_gradient wrote.
template <int width>
__device__ __forceinline__ auto staged(const float* tile) {
  return [tile](int row, int chunk, float(&eight)[8]) { load_eight(tile + tile_offset<width>(row, chunk), eight); };
}

// The 64 rows of dq from row `first` on.
__device__ __forceinline__ GradientRows query_rows(const AttentionBackwardParams& p, int batch, int head, int first) {
  return {p.in.q.data + batch * p.in.q.batch + head * p.in.q.head + int64_t{first} * p.in.q.token,
          p.dq.data + batch * p.dq.batch + head * p.dq.head + int64_t{first} * p.dq.token,
          p.in.q.token,
          p.dq.token,
          first + p.in.shape.seq_k - p.in.shape.seq_q,
          p.in.shape.seq_q - first};
}

// dq out of the sums that the pass over the keys has added up by atomics.
template <int head_dim>
__global__ void __launch_bounds__(kAttentionThreads, 6) attention_dq_kernel(SIMT_PARAM AttentionBackwardParams p) {
  const int first = static_cast<int>(blockIdx.x) * 64;
  const int head = static_cast<int>(blockIdx.y), batch = static_cast<int>(blockIdx.z);
  const GradientRows rows = query_rows(p, batch, head, first);
  const float* const sums = p.dq_sum + workspace_row(p.in.shape, batch, head, first) * head_dim;
  const auto load = [sums](int row, int chunk, float(&eight)[8]) {
    load_eight(sums + row * head_dim + chunk * 8, eight);
  };
  finish_gradient<head_dim>(rows, p.in.rotation, p.in.norm, p.in.scale_log2 * kLn2, load);
}

}  // namespace tern::kernels
