// Tiles of q, k and v in shared memory: copies, rotation and normalisation of rows, and the fragments of tensor-core
// products.
//
// A tile has rows of `width` elements in chunks of 8. Chunks are stored under an exclusive-or of the row (tile_offset):
// the 8 rows of an ldmatrix, and the neighbouring lanes of a copy, fall into different banks.
//
// Rotation and norm happen in shared memory, between the thread's own cp.async wait and the block's barrier: a thread
// copies both chunks of every pair that the rotation mixes, so it can turn what it copied without a barrier of its own,
// each element is turned once per block (fragments in registers are shared by all warps and would be turned four
// times), and the copy stays asynchronous, which a detour through registers would not.
#pragma once

#include <cstdint>

#include "kernels/attention/attention_params.h"
#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"
#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

constexpr int kAttentionWarps = 4;
constexpr int kAttentionThreads = kAttentionWarps * kWarpThreads;
constexpr float kLn2 = 0.6931471805599453f, kLog2E = 1.4426950408889634f;

// Element offset of a chunk. Rows of 4 chunks lie two to a line of banks.
template <int width>
__device__ __forceinline__ int tile_offset(int row, int chunk) {
  static_assert(width % 64 == 0 || width == 32);
  const int line = width == 32 ? row >> 1 & 3 : row & 7;
  return row * width + ((chunk ^ line) << 3);
}

// This thread's share of a tile: the chunks `chunk` and `chunk + width / 16` of some rows, which hold both halves of
// the pairs that a rotation mixes. The width / 16 lanes of a row are neighbours.
struct ChunkPair {
  int row, chunk;
};
template <int rows, int width>
constexpr int kChunkPairs = rows* width / 16 / kAttentionThreads;

template <int width>
__device__ __forceinline__ ChunkPair chunk_pair(int i) {
  constexpr int kPairs = width / 16;  // of a row
  const int index = static_cast<int>(threadIdx.x) + i * kAttentionThreads;
  int row = index / kPairs;
  // Four lanes fill half a line of banks: their neighbours take the row whose chunks lie in the other half.
  if constexpr (kPairs == 4) row = (row & ~7) | (row & 1) << 2 | (row >> 1 & 3);
  return {row, index % kPairs};
}

// Starts the copy of a tile; rows from `valid_rows` on become zeros.
template <int rows, int width>
__device__ __forceinline__ void copy_tile(Bf16* tile, const Bf16* source, int stride, int valid_rows) {
#pragma unroll
  for (int i = 0; i < kChunkPairs<rows, width>; ++i) {
    const auto [row, chunk] = chunk_pair<width>(i);
    const bool valid = row < valid_rows;
    const Bf16* from = source + (row * stride + chunk * 8);  // not read if invalid
    cp_async16(tile + tile_offset<width>(row, chunk), from, valid);
    cp_async16(tile + tile_offset<width>(row, chunk + width / 16), from + width / 2, valid);
  }
}

__device__ __forceinline__ void load_eight(const float* from, float (&to)[8]) {
  float low[4], high[4];
  load_floats(from, low);
  load_floats(from + 4, high);
#pragma unroll
  for (int i = 0; i < 4; ++i) to[i] = low[i], to[i + 4] = high[i];
}

// Turns elements 8 chunk ... and their partners half a row further. direction: AttentionRotation's, or its negative for
// the inverse.
template <int width>
__device__ __forceinline__ void rotate_pair(float (&a)[8], float (&b)[8], const AttentionRotation& rotation,
                                            float direction, int position, int chunk) {
  const int64_t at = int64_t{position} * (width / 2) + chunk * 8;
  float cos[8], sin[8];
  load_eight(rotation.cos + at, cos);
  load_eight(rotation.sin + at, sin);
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const float turned = fmaf(-b[i], sin[i] * direction, a[i] * cos[i]);
    b[i] = fmaf(a[i], sin[i] * direction, b[i] * cos[i]);
    a[i] = turned;
  }
}

// Sum over the neighbouring lanes that share a row.
template <int width>
__device__ __forceinline__ float row_sum(float value) {
#pragma unroll
  for (int offset = 1; offset < width / 16; offset *= 2) value += __shfl_xor_sync(kAllLanes, value, offset);
  return value;
}

// 1 / sqrt(mean square + eps) of a row of which each lane holds a pair of chunks. All lanes of the warp take part.
template <int width>
__device__ __forceinline__ float row_rstd(const float (&a)[8], const float (&b)[8], float eps) {
  float squares = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) squares = fmaf(b[i], b[i], fmaf(a[i], a[i], squares));
  return 1.0f / sqrtf(fmaf(row_sum<width>(squares), 1.0f / width, eps));
}

// Rotates and normalises the rows of q or k that this thread copied; call it between wait and barrier. The first row is
// at `position`, rows from `valid_rows` on stay zero.
template <int rows, int width>
__device__ __forceinline__ void prepare_tile(Bf16* tile, const AttentionRotation& rotation, const AttentionNorm& norm,
                                             int position, int valid_rows) {
  if (!rotation.cos && norm.gain == 0) return;
#pragma unroll 1  // a pair and its angles take 32 registers
  for (int i = 0; i < kChunkPairs<rows, width>; ++i) {
    const auto [row, chunk] = chunk_pair<width>(i);
    Bf16* const low = tile + tile_offset<width>(row, chunk);
    Bf16* const high = tile + tile_offset<width>(row, chunk + width / 16);
    float a[8], b[8];
    load_floats(low, a);
    load_floats(high, b);
    if (rotation.cos && row < valid_rows) rotate_pair<width>(a, b, rotation, rotation.direction, position + row, chunk);
    if (norm.gain != 0) {
      const float factor = norm.gain * row_rstd<width>(a, b, norm.eps);
#pragma unroll
      for (int j = 0; j < 8; ++j) a[j] *= factor, b[j] *= factor;
    }
    store_floats(low, a);
    store_floats(high, b);
  }
}

// Fragments of mma.m16n8k16, four registers at a time, out of a tile: 16 rows from `row` (a multiple of 16) and the two
// chunks from `chunk` (even) on. `chunk` enters by an exclusive-or into the lane's own place, so that one register per
// tile holds all addresses.
template <int width>
__device__ __forceinline__ const Bf16* tile_place(const Bf16* tile, int row, int chunk, int lane_row, int lane_chunk) {
  return tile + row * width + (tile_offset<width>(lane_row, lane_chunk) ^ (chunk << 3));
}
// The address that this lane gives to ldmatrix: lanes 8 to 15 take the second 8 rows and lanes 16 to 31 the second
// chunk, or with chunks_first the other way round.
template <int width, bool chunks_first>
__device__ __forceinline__ const Bf16* lane_place(const Bf16* tile, int row, int chunk) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  return chunks_first ? tile_place<width>(tile, row, chunk, lane / 16 * 8 + lane % 8, lane / 8 % 2)
                      : tile_place<width>(tile, row, chunk, lane % 16, lane / 16);
}
// The left operand, 16 x 16, stored as it is or, transposed, with its columns as the tile's rows.
template <int width>
__device__ __forceinline__ void load_left(uint32_t (&r)[4], const Bf16* tile, int row, int chunk) {
  ldmatrix_x4(r, lane_place<width, false>(tile, row, chunk));
}
template <int width>
__device__ __forceinline__ void load_left_transposed(uint32_t (&r)[4], const Bf16* tile, int row, int chunk) {
  ldmatrix_x4_trans(r, lane_place<width, true>(tile, row, chunk));
}
// Two right operands, 16 x 8, stored as they are or transposed.
template <int width>
__device__ __forceinline__ void load_right(uint32_t (&r)[4], const Bf16* tile, int row, int chunk) {
  ldmatrix_x4_trans(r, lane_place<width, false>(tile, row, chunk));
}
template <int width>
__device__ __forceinline__ void load_right_transposed(uint32_t (&r)[4], const Bf16* tile, int row, int chunk) {
  ldmatrix_x4(r, lane_place<width, true>(tile, row, chunk));
}

// float32 accumulator of 16 rows and 8 `tiles` columns. Lane l holds in [j][2 h + i] the element of row l / 4 + 8 h and
// column 8 j + 2 (l % 4) + i.
template <int tiles>
using Accumulator = float[tiles][4];

template <int row_tiles, int tiles>
__device__ __forceinline__ void clear(Accumulator<tiles> (&sum)[row_tiles]) {
#pragma unroll
  for (int r = 0; r < row_tiles; ++r)
#pragma unroll
    for (int j = 0; j < tiles; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) sum[r][j][i] = 0.0f;
}

// Two neighbouring tiles of an accumulator, rounded, are a fragment of the left operand of the next product.
template <int tiles>
__device__ __forceinline__ void pack_left(uint32_t (&r)[4], const Accumulator<tiles>& values, int step) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float* const pair = &values[2 * step + i / 2][i % 2 * 2];
    r[i] = pack_bf16x2(pair[0], pair[1]);
  }
}

// sum += left * right for 16 row_tiles rows, in steps of 16 along the sum. left(step, r, fragment) supplies row tile
// r's columns of a step, right(step, pair, fragments) two operands of 8 columns each, which serve all row tiles.
template <int steps, int row_tiles, int tiles, class Left, class Right>
__device__ __forceinline__ void multiply_steps(Accumulator<tiles> (&sum)[row_tiles], const Left& left,
                                               const Right& right) {
#pragma unroll
  for (int step = 0; step < steps; ++step) {
    uint32_t a[row_tiles][4];
#pragma unroll
    for (int r = 0; r < row_tiles; ++r) left(step, r, a[r]);
#pragma unroll
    for (int pair = 0; pair < tiles / 2; ++pair) {
      uint32_t b[4];
      right(step, pair, b);
#pragma unroll
      for (int r = 0; r < row_tiles; ++r) {
        mma_m16n8k16(sum[r][2 * pair], a[r], b[0], b[1]);
        mma_m16n8k16(sum[r][2 * pair + 1], a[r], b[2], b[3]);
      }
    }
  }
}

// sum += left * right^T, `right` being a tile whose rows are the 8 tiles columns of the sum.
template <int width, int row_tiles, int tiles, class Left>
__device__ __forceinline__ void multiply_transposed(Accumulator<tiles> (&sum)[row_tiles], const Bf16* right,
                                                    const Left& left) {
  multiply_steps<width / 16>(sum, left, [right](int step, int pair, uint32_t(&b)[4]) {
    load_right_transposed<width>(b, right, pair * 16, step * 2);
  });
}

// sum += left * right over `depth` rows of the tile `right`, columns from 8 first_chunk on.
template <int width, int depth, int row_tiles, int tiles, class Left>
__device__ __forceinline__ void multiply(Accumulator<tiles> (&sum)[row_tiles], const Bf16* right, int first_chunk,
                                         const Left& left) {
  multiply_steps<depth / 16>(sum, left, [right, first_chunk](int step, int pair, uint32_t(&b)[4]) {
    load_right<width>(b, right, step * 16, first_chunk + pair * 2);
  });
}

}  // namespace tern::kernels
