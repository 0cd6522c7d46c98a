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

std::string instance(const std::string& kernel, const std::string& arguments) {
  return kernel + "<" + arguments + ">";
}

// A step has four products of 16 keys per warp, and four ldmatrix operands for each: 16 x 16 at a time, besides the
// keys' and values' own. With atomics, dq is a fifth product, 16 columns at a time in a loop (8 sums per lane), whose
// left operand is loaded once. Two copies of the queries' statistics: before the loop and in it.
template <int head_dim, bool atomics>
Budget backward_keys(int blocks) {
  using Shared = AttentionBackwardKeysShared<head_dim, atomics>;
  const int steps = head_dim / 16, queries = Shared::kQueries / 16, dq = atomics ? 4 : 0;
  return {instance("attention_backward_keys_kernel", std::to_string(head_dim) + (atomics ? ", true" : ", false")),
          kAttentionThreads,
          Shared::kBytes,
          255,
          blocks,
          {{"HMMA", 4 * steps * queries * 2 + dq * 2},
           {"LDSM", 4 * steps * queries + 2 * steps + dq * 2},
           {"LDGSTS", 2 * copies(64, head_dim) + 4 * copies(Shared::kQueries, head_dim) + 2},
           {"RED", atomics ? 8 : 0},
           {"ATOMG", 0}}};
}

// Three products of 16 queries per warp.
template <int head_dim>
Budget backward_queries(int blocks) {
  using Shared = AttentionBackwardQueriesShared<head_dim>;
  const int steps = head_dim / 16, keys = Shared::kKeys / 16;
  return {instance("attention_backward_queries_kernel", std::to_string(head_dim)),
          kAttentionThreads,
          Shared::kBytes,
          224,
          blocks,
          {{"HMMA", 3 * steps * keys * 2},
           {"LDSM", 3 * steps * keys + 2 * steps},
           {"LDGSTS", 2 * copies(64, head_dim) + 4 * copies(Shared::kKeys, head_dim)},
           {"RED", 0},
           {"ATOMG", 0}}};
}

// Memory bound: two vectors per thread.
Budget stats(int head_dim) {
  return {instance("attention_stats_kernel", std::to_string(head_dim)), kAttentionThreads, 0, 32, 12, {{"LDG", 3}}};
}
Budget dq(int head_dim) {
  return {instance("attention_dq_kernel", std::to_string(head_dim)), kAttentionThreads, 0, 80, 6, {{"STG", 2}}};
}

}  // namespace

// Blocks per multiprocessor are those of the 100 KiB devices (sm_86, 89, 120), whose shared memory is the limit.
std::vector<Budget> budgets() {
  return {forward<64, 1>(168, 2),
          forward<64, 2>(255, 2),
          forward<128, 1>(168, 2),
          backward_keys<64, false>(2),
          backward_keys<64, true>(1),
          backward_keys<128, false>(1),
          backward_keys<128, true>(1),
          backward_queries<64>(2),
          backward_queries<128>(1),
          stats(64),
          stats(128),
          dq(64),
          dq(128)};
}

}  // namespace tern::kernels::test
