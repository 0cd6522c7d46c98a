#include "kernels/attention/attention.cuh"
#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {
namespace {

// Chunks of 16 bytes that a thread copies per tile.
constexpr int copies(int rows, int head_dim) {
  return rows * head_dim / 8 / kAttentionThreads;
}

// A step multiplies 16 row tiles of queries with its keys and its weights with its values: one mma per 16 x 8 x 16, and
// one ldmatrix per two of them and row tile, besides the queries' own.
template <int head_dim, int row_tiles>
Budget forward(int registers, int blocks) {
  using Shared = AttentionForwardShared<head_dim, row_tiles>;
  const int steps = head_dim / 16, keys = Shared::kKeys;
  return {"attention_forward_kernel<" + std::to_string(head_dim) + ", " + std::to_string(row_tiles) + ">",
          kAttentionThreads,
          Shared::kBytes,
          registers,
          blocks,
          {{"HMMA", row_tiles * 2 * steps * (keys / 8)},
           {"LDSM", row_tiles * steps + 2 * steps * (keys / 16)},
           {"LDGSTS", copies(Shared::kQueries, head_dim) + 4 * copies(keys, head_dim)}}};
}

}  // namespace

std::vector<Budget> budgets() {
  return {forward<64, 1>(168, 2), forward<64, 2>(255, 2), forward<128, 1>(168, 2)};
}

}  // namespace tern::kernels::test
