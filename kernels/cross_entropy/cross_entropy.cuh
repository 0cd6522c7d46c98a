// Cross entropy on CUDA: loss, gradient, argmax and counts in one launch; contract in cross_entropy.h, arithmetic in
// cross_entropy_row.cuh. float32 and bfloat16 logits, float32 arithmetic.
//
// Memory bound. A small vocabulary (TRM's 12) is held in registers by a team of lanes. A row of a large one belongs to
// a block, which reads it from memory once; the gradient reads it a second time, from its end to its beginning, out of
// the caches.
#pragma once

#include <cstdint>

#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"
#include "kernels/cross_entropy/cross_entropy_row.cuh"
#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

// Labels are ignore_index or in 0..vocab-1; any other makes its row's loss and gradient NaN. d_logits may be logits.
// Pointers marked with ? may be null, for results that are not wanted.
template <class T>
struct CrossEntropyArguments {
  const T* logits;         // [rows, width]
  const int64_t* labels;   // [rows]
  const float* row_grad;   // [rows], what the gradient is multiplied by; null only where d_logits is
  float* loss;             // ? [rows]
  int64_t* argmax;         // ? [rows]
  int64_t* valid_count;    // ? [rows / seq_len], added to
  int64_t* correct_count;  // null where valid_count is, else [rows / seq_len], added to
  T* d_logits;             // ? [rows, width]
  int64_t rows;
  int64_t seq_len;  // 1 or more
  int64_t ignore_index;
  int width;
  int vocab;
  float softcap;  // 0: none
};

constexpr int kCrossEntropyTeamThreads = 128;
constexpr int kCrossEntropyBlockThreads = 512;

template <class T>
__device__ __forceinline__ void store_row(const CrossEntropyArguments<T>& in, int64_t row,
                                          const CrossEntropyRow& result) {
  if (in.loss) in.loss[row] = result.loss;
  if (in.argmax) in.argmax[row] = result.argmax;
}

__device__ __forceinline__ void add_count(int64_t* count, unsigned long long more) {
  if (more > 0) atomicAdd(reinterpret_cast<unsigned long long*>(count), more);
}

// What to write into a column of d_logits. row_grad is the row's; a row that is ignored gets zeros.
template <bool stablemax>
__device__ __forceinline__ float column_gradient(const CrossEntropyRow& row, const CrossEntropyLabel& label, float x,
                                                 int column, int vocab, float cap, float row_grad) {
  if (!label.counts || column >= vocab) return 0.0f;
  return row_grad * (column == label.column ? row.label_slope : slope<stablemax>(row, x, cap));
}

// One atomic per warp where its rows are of one sequence. All lanes must take part; `leads` marks one lane per row.
template <class T>
__device__ __forceinline__ void count_rows(const CrossEntropyArguments<T>& in, int64_t row, bool leads, bool is_valid,
                                           bool is_correct) {
  const unsigned valid = __ballot_sync(kAllLanes, leads && is_valid);
  const unsigned correct = __ballot_sync(kAllLanes, leads && is_correct);
  const int64_t sequence = min(row, in.rows - 1) / in.seq_len;
  const bool together = __all_sync(kAllLanes, sequence == __shfl_sync(kAllLanes, sequence, 0)) != 0;
  if (together && threadIdx.x % kWarpThreads == 0) {
    add_count(in.valid_count + sequence, static_cast<unsigned long long>(__popc(valid)));
    add_count(in.correct_count + sequence, static_cast<unsigned long long>(__popc(correct)));
  }
  if (!together && leads) {
    add_count(in.valid_count + sequence, is_valid ? 1 : 0);
    add_count(in.correct_count + sequence, is_correct ? 1 : 0);
  }
}

// width <= team * values. Column i * team + lane is the lane's i-th.
template <class T, bool stablemax, int team, int values>
__global__ void __launch_bounds__(kCrossEntropyTeamThreads)
    cross_entropy_team_kernel(SIMT_PARAM CrossEntropyArguments<T> in) {
  const int lane = static_cast<int>(threadIdx.x) % team;
  const int64_t row = int64_t{blockIdx.x} * (kCrossEntropyTeamThreads / team) + threadIdx.x / team;
  const bool exists = row < in.rows;  // lanes behind the last row stay for the warp's sake
  const T* logits = in.logits + row * in.width;
  float x[values];
  unsigned keep = 0;
#pragma unroll
  for (int i = 0; i < values; ++i) {
    const int column = i * team + lane;
    const bool inside = exists && column < in.vocab;
    x[i] = inside ? to_float(logits[column]) : 0.0f;
    keep |= inside ? 1u << i : 0u;
  }
  CrossEntropyLabel label;
  if (exists) label = read_label(logits, in.labels[row], in.ignore_index, in.vocab);
  if (label.column >= 0 && label.column % team == lane) keep &= ~(1u << (label.column / team));
  CrossEntropyPart part = empty_part();
  gather<stablemax>(part, x, keep, lane, team, in.softcap);
#pragma unroll
  for (int offset = team / 2; offset > 0; offset /= 2) merge<stablemax>(part, shuffle_part(part, offset));
  const CrossEntropyRow result = finish<stablemax>(part, label, in.softcap);
  if (exists && lane == 0) store_row(in, row, result);
  if (in.valid_count)
    count_rows(in, row, exists && lane == 0, label.counts, label.counts && result.argmax == label.column);
  __syncwarp();  // d_logits may be logits, of which every lane of the team read the label's
  if (!exists || !in.d_logits) return;
  const float row_grad = in.row_grad[row];
#pragma unroll
  for (int i = 0; i < values; ++i) {
    const int column = i * team + lane;
    if (column < in.width)
      round_to(in.d_logits[row * in.width + column],
               column_gradient<stablemax>(result, label, x[i], column, in.vocab, in.softcap, row_grad));
  }
}

// Bits of the columns first ... first + count - 1 to gather: inside the vocabulary and not the label.
template <int count>
__device__ __forceinline__ unsigned columns_to_keep(int first, int vocab, int label) {
  const int inside = min(count, vocab - first), at = label - first;
  const unsigned mask = (1u << inside) - 1u;
  return at >= 0 && at < count ? mask & ~(1u << at) : mask;
}

// Merges the parts of a block's threads; every thread gets the whole. All threads must take part, once per kernel.
template <bool stablemax, int threads>
__device__ __forceinline__ CrossEntropyPart merge_block(CrossEntropyPart part) {
  constexpr int kWarps = threads / kWarpThreads;
  SIMT_SHARED_ARRAY(CrossEntropyPart, parts, kWarps);
#pragma unroll
  for (int offset = kWarpThreads / 2; offset > 0; offset /= 2) merge<stablemax>(part, shuffle_part(part, offset));
  if (threadIdx.x % kWarpThreads == 0) parts[threadIdx.x / kWarpThreads] = part;
  __syncthreads();
  part = parts[threadIdx.x % kWarps];
#pragma unroll
  for (int offset = kWarps / 2; offset > 0; offset /= 2) merge<stablemax>(part, shuffle_part(part, offset));
  return part;
}

template <class T, bool stablemax, int vec>
__global__ void __launch_bounds__(kCrossEntropyBlockThreads, 2)
    cross_entropy_block_kernel(SIMT_PARAM CrossEntropyArguments<T> in) {
  constexpr int kStep = kCrossEntropyBlockThreads * vec;
  const int64_t row = blockIdx.x, begin = row * in.width;
  const int first = static_cast<int>(threadIdx.x) * vec;
  const T* logits = in.logits + begin;
  // Read before the barrier, behind which other threads may overwrite it.
  const CrossEntropyLabel label = read_label(logits, in.labels[row], in.ignore_index, in.vocab);
  CrossEntropyPart part = empty_part();
#pragma unroll 1
  for (int column = first; column < in.vocab; column += kStep) {
    float x[vec];
    load_floats(logits + column, x);
    gather<stablemax>(part, x, columns_to_keep<vec>(column, in.vocab, label.column), column, 1, in.softcap);
  }
  part = merge_block<stablemax, kCrossEntropyBlockThreads>(part);
  const CrossEntropyRow result = finish<stablemax>(part, label, in.softcap);
  if (threadIdx.x == 0) {
    store_row(in, row, result);
    if (in.valid_count) {
      add_count(in.valid_count + row / in.seq_len, label.counts ? 1 : 0);
      add_count(in.correct_count + row / in.seq_len, label.counts && result.argmax == label.column ? 1 : 0);
    }
  }
  if (!in.d_logits || first >= in.width) return;
  const float row_grad = in.row_grad[row];
  const int last = first + (in.width - 1 - first) / kStep * kStep;
#pragma unroll 1
  for (int column = last; column >= first; column -= kStep) {
    float x[vec];
    load_floats(logits + column, x);
#pragma unroll
    for (int j = 0; j < vec; ++j)
      x[j] = column_gradient<stablemax>(result, label, x[j], column + j, in.vocab, in.softcap, row_grad);
    store_floats(in.d_logits + begin + column, x);
  }
}

template <class T, bool stablemax, int team, int values>
void cross_entropy_launch_team(const CrossEntropyArguments<T>& in, cudaStream_t stream) {
  constexpr int kRows = kCrossEntropyTeamThreads / team;
  SIMT_LAUNCH((cross_entropy_team_kernel<T, stablemax, team, values>),
              dim3(static_cast<unsigned>((in.rows + kRows - 1) / kRows)), dim3(kCrossEntropyTeamThreads), 0, stream,
              in);
}

template <class T, bool stablemax, int vec>
void cross_entropy_launch_block(const CrossEntropyArguments<T>& in, cudaStream_t stream) {
  SIMT_LAUNCH((cross_entropy_block_kernel<T, stablemax, vec>), dim3(static_cast<unsigned>(in.rows)),
              dim3(kCrossEntropyBlockThreads), 0, stream, in);
}

template <class T, bool stablemax>
void cross_entropy_dispatch(const CrossEntropyArguments<T>& in, cudaStream_t stream) {
  if (in.rows == 0) return;
  if (in.width <= 16)
    cross_entropy_launch_team<T, stablemax, 4, 4>(in, stream);
  else if (in.width <= 256)
    cross_entropy_launch_team<T, stablemax, 32, 8>(in, stream);
  else if (rows_are_vectors<T>(in.width, in.logits, in.d_logits))
    cross_entropy_launch_block<T, stablemax, kVectorSize<T>>(in, stream);
  else
    cross_entropy_launch_block<T, stablemax, 1>(in, stream);
}

template <class T>
void cross_entropy_launch(const CrossEntropyArguments<T>& in, bool stablemax, cudaStream_t stream) {
  if (stablemax)
    cross_entropy_dispatch<T, true>(in, stream);
  else
    cross_entropy_dispatch<T, false>(in, stream);
}

}  // namespace tern::kernels
