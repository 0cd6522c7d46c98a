// Sparse SignSGD on CUDA; contract in sign_sgd.h. float32 weights, float32 or bfloat16 gradients.
//
// Two launches. The first sorts the ids by counting, for each, how many come before it: count^2 comparisons out of
// shared memory, 1 M for TRM's batch of 768 and a fraction of a millisecond up to 64 k, in exchange for a stable order
// without limits, scratch passes or atomics. In the second a block per sorted place finds whether a run of equal ids
// begins there, and if so adds that run's gradient rows in their order of appearance and steps the weight row. No two
// blocks touch one row: the result is the same in every run.
#pragma once

#include <cstdint>

#include "kernels/common/vec.cuh"
#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

constexpr int kSignSgdSortThreads = 256;
constexpr int kSignSgdStepThreads = 128;
constexpr int kSignSgdValues = 8;  // of a row, per thread and turn

// order[place] = i: the i-th id is at this place of the sorted list, equal ones in order of appearance.
template <int threads>
__global__ void __launch_bounds__(threads) sign_sgd_sort_kernel(const int64_t* ids, int* order, int count) {
  SIMT_SHARED_ARRAY(int64_t, tile, threads);
  const int thread = static_cast<int>(threadIdx.x);
  const int mine = static_cast<int>(blockIdx.x) * threads + thread;
  const int64_t id = mine < count ? ids[mine] : 0;
  int before = 0;
  for (int begin = 0; begin < count; begin += threads) {
    const int size = min(threads, count - begin);
    if (thread < size) tile[thread] = ids[begin + thread];
    __syncthreads();
    for (int j = 0; j < size; ++j) before += tile[j] < id || (tile[j] == id && begin + j < mine) ? 1 : 0;
    __syncthreads();
  }
  if (mine < count) order[before] = mine;
}

struct SignSgdStep {
  float decay;  // 1 - lr * weight_decay
  float lr;
};

// A NaN has no sign, as for torch.sign.
__device__ __forceinline__ float sign_of(float x) {
  return (x > 0.0f ? 1.0f : 0.0f) - (x < 0.0f ? 1.0f : 0.0f);
}

// vec is kSignSgdValues where rows can be moved by 16-byte vectors, else 1. An id outside of 0..num_rows-1 is counted
// in *bad_ids and steps nothing.
template <class G, int vec>
__global__ void __launch_bounds__(kSignSgdStepThreads)
    sign_sgd_step_kernel(float* weights, const G* grads, const int64_t* ids, const int* order, int* bad_ids, int count,
                         int64_t num_rows, int width, SIMT_PARAM SignSgdStep step) {
  const int place = static_cast<int>(blockIdx.x);
  const int64_t id = ids[order[place]];
  if (place > 0 && ids[order[place - 1]] == id) return;
  if (id < 0 || id >= num_rows) {
    if (threadIdx.x == 0) atomicAdd(bad_ids, 1);
    return;
  }
  float* row = weights + id * width;
  for (int column = static_cast<int>(threadIdx.x) * vec; column < width; column += kSignSgdStepThreads * vec) {
    float sum[vec], weight[vec];
    load_floats(grads + int64_t{order[place]} * width + column, sum);
    for (int next = place + 1; next < count && ids[order[next]] == id; ++next) {
      float more[vec];
      load_floats(grads + int64_t{order[next]} * width + column, more);
#pragma unroll
      for (int j = 0; j < vec; ++j) sum[j] += more[j];
    }
    load_floats(row + column, weight);
#pragma unroll
    for (int j = 0; j < vec; ++j) weight[j] = fmaf(-step.lr, sign_of(sum[j]), weight[j] * step.decay);
    store_floats(row + column, weight);
  }
}

// weights [num_rows, width], grads [count, width], ids [count]. order: scratch of count ints. bad_ids: one int, to
// which the number of distinct ids out of range is added; the caller looks at it when it next waits for the device.
template <class G>
void sign_sgd_launch(float* weights, const G* grads, const int64_t* ids, int* order, int* bad_ids, int count,
                     int64_t num_rows, int width, const SignSgdStep& step, cudaStream_t stream) {
  if (count == 0) return;
  const auto blocks = static_cast<unsigned>(count);
  SIMT_LAUNCH((sign_sgd_sort_kernel<kSignSgdSortThreads>),
              dim3((blocks + kSignSgdSortThreads - 1) / kSignSgdSortThreads), dim3(kSignSgdSortThreads), 0, stream, ids,
              order, count);
  if (rows_are_vectors<G>(width, weights, grads) && width % kSignSgdValues == 0)
    SIMT_LAUNCH((sign_sgd_step_kernel<G, kSignSgdValues>), dim3(blocks), dim3(kSignSgdStepThreads), 0, stream, weights,
                grads, ids, order, bad_ids, count, num_rows, width, step);
  else
    SIMT_LAUNCH((sign_sgd_step_kernel<G, 1>), dim3(blocks), dim3(kSignSgdStepThreads), 0, stream, weights, grads, ids,
                order, bad_ids, count, num_rows, width, step);
}

}  // namespace tern::kernels
