#include <algorithm>
#include <cmath>

#include "bench/roofline/problems.h"
#include "kernels/attention/attention_backward_keys.cuh"
#include "kernels/attention/attention_backward_queries.cuh"
#include "kernels/attention/attention_forward.cuh"

namespace tern::roofline {
namespace {

using namespace tern::kernels;

// As many key/value heads as query heads.
struct AttentionCase {
  std::string name;
  double batch, heads, seq;
  bool causal;
  std::string forward_measured{}, backward_measured{};

  [[nodiscard]] double rows() const { return batch * heads * seq; }
  // Multiplications and additions of one product over all pairs of a query and a key that it sees.
  [[nodiscard]] double product(int head_dim) const { return 2 * rows() * seq * head_dim / (causal ? 2 : 1); }
};

// Steps of all blocks of one head together: a block owns `owned` rows and takes `step` rows of the other side at a
// time. Under a causal mask a block of queries sees the keys up to its end, one of keys the queries from its start on.
double steps_per_head(const AttentionCase& at, double owned, double step, bool owns_queries) {
  double steps = 0;
  for (double begin = 0; begin < at.seq; begin += owned) {
    const double end = std::min(at.seq, begin + owned);
    if (!at.causal) {
      steps += std::ceil(at.seq / step);
    } else if (owns_queries) {
      steps += std::ceil(end / step);
    } else {
      steps += std::ceil(at.seq / step) - std::floor(begin / step);
    }
  }
  return steps;
}

std::string name_of(const std::string& kernel, int head_dim, const std::string& more = "") {
  return kernel + "<" + std::to_string(head_dim) + more + ">";
}

// Blocks of 128 threads, each of which owns `owned` rows.
OpProblem attention_kernel(const AttentionCase& at, const std::string& kernel, double owned) {
  Problem problem;
  problem.kernel = kernel;
  problem.shape = at.name;
  problem.threads = kAttentionThreads;
  problem.blocks = std::ceil(at.seq / owned) * at.heads * at.batch;
  return {"attention", problem};
}

template <int head_dim, int row_tiles>
OpProblem forward(const AttentionCase& at) {
  using Shared = AttentionForwardShared<head_dim, row_tiles>;
  OpProblem one = attention_kernel(at, name_of("attention_forward_kernel", head_dim, ", " + std::to_string(row_tiles)),
                                   Shared::kQueries);
  Problem& problem = one.problem;
  problem.bytes = 4 * at.rows() * head_dim * 2 + at.rows() * 4;
  problem.flops = 2 * at.product(head_dim);
  problem.dynamic_shared_bytes = Shared::kBytes;
  const double steps = steps_per_head(at, Shared::kQueries, Shared::kKeys, true);
  constexpr double kMmaPerStep = row_tiles * 2.0 * (head_dim / 16) * (Shared::kKeys / 8);
  problem.loops = {
      {.opcode = "HMMA", .opcodes_per_warp = kMmaPerStep * steps / std::ceil(at.seq / double{Shared::kQueries})}};
  return one;
}

// out and dout read, statistics written, and the sums of dq cleared.
OpProblem statistics(const AttentionCase& at, int head_dim, bool atomics) {
  OpProblem one = attention_kernel(at, name_of("attention_stats_kernel", head_dim), kAttentionThreads * 8.0 / head_dim);
  one.problem.bytes = at.rows() * (head_dim * (4 + (atomics ? 4 : 0)) + 12);
  return one;
}

// q, k, v, dout and the statistics read, dk and dv written; with atomics the sums of dq cross the bus once more each
// way at best (they meet in the L2 cache, whose rate of atomics is not in the model).
template <int head_dim, bool atomics>
OpProblem keys_pass(const AttentionCase& at) {
  using Shared = AttentionBackwardKeysShared<head_dim, atomics>;
  OpProblem one = attention_kernel(
      at, name_of("attention_backward_keys_kernel", head_dim, atomics ? ", true" : ", false"), Shared::kKeys);
  Problem& problem = one.problem;
  problem.bytes = at.rows() * (head_dim * (6 * 2 + (atomics ? 8 : 0)) + 8);
  problem.flops = (atomics ? 5 : 4) * at.product(head_dim);
  problem.dynamic_shared_bytes = Shared::kBytes;
  const double steps = steps_per_head(at, Shared::kKeys, Shared::kQueries, false) /
                       std::ceil(at.seq / double{Shared::kKeys});  // of a block
  constexpr double kMmaPerStep = 4.0 * (head_dim / 16) * (Shared::kQueries / 16) * 2;
  problem.loops = {{.opcode = "HMMA", .opcodes_per_warp = kMmaPerStep * steps, .without = "RED"}};
  if constexpr (atomics) {  // every value of the step's dq, by one lane
    problem.loops.push_back(
        {.opcode = "RED", .opcodes_per_warp = steps * Shared::kQueries * head_dim / kAttentionThreads});
  }
  return one;
}

template <int head_dim>
OpProblem queries_pass(const AttentionCase& at) {
  using Shared = AttentionBackwardQueriesShared<head_dim>;
  OpProblem one = attention_kernel(at, name_of("attention_backward_queries_kernel", head_dim), Shared::kQueries);
  Problem& problem = one.problem;
  problem.bytes = at.rows() * (head_dim * 5 * 2 + 8);
  problem.flops = 3 * at.product(head_dim);
  problem.dynamic_shared_bytes = Shared::kBytes;
  const double steps = steps_per_head(at, Shared::kQueries, Shared::kKeys, true);
  constexpr double kMmaPerStep = 3.0 * (head_dim / 16) * (Shared::kKeys / 16) * 2;
  problem.loops = {
      {.opcode = "HMMA", .opcodes_per_warp = kMmaPerStep * steps / std::ceil(at.seq / double{Shared::kQueries})}};
  return one;
}

// float32 sums to dq.
OpProblem dq_pass(const AttentionCase& at, int head_dim) {
  OpProblem one = attention_kernel(at, name_of("attention_dq_kernel", head_dim), 64);
  one.problem.bytes = at.rows() * head_dim * 6;
  one.problem.loops = {{.opcode = "STG", .turns = 64.0 * head_dim / 16 / kAttentionThreads}};
  return one;
}

// A backward pass counts as five products, however many the kernels need: so do those who measure.
template <int head_dim>
void add_passes(std::vector<Pass>& all, const AttentionCase& at, const OpProblem& best_forward) {
  const double product = at.product(head_dim);
  const std::vector<OpProblem> atomics = {statistics(at, head_dim, true), keys_pass<head_dim, true>(at),
                                          dq_pass(at, head_dim)};
  const std::vector<OpProblem> ordered = {statistics(at, head_dim, false), keys_pass<head_dim, false>(at),
                                          queries_pass<head_dim>(at)};
  all.push_back({"attention backward, dq by atomics", at.name, 5 * product, atomics});
  all.push_back({"attention backward, deterministic", at.name, 5 * product, ordered});
  Pass both{"attention forward and backward, dq by atomics", at.name, 7 * product, atomics, at.backward_measured};
  both.kernels.insert(both.kernels.begin(), best_forward);
  all.push_back(std::move(both));
}

}  // namespace

std::vector<Pass> attention_passes() {
  const AttentionCase trm{"TRM, batch 96, 916 tokens, 8 heads of 64", 96, 8, 916, false};
  const AttentionCase full_1k{"batch 16, 1k tokens, 32 heads of 64, full",
                              16,
                              32,
                              1024,
                              false,
                              "H100: FA2 306, cuDNN 373, FA3 392",
                              "A100: FA2 153-155"};
  const AttentionCase causal_2k{"batch 8, 2k tokens, 16 heads of 128, causal",
                                8,
                                16,
                                2048,
                                true,
                                "H100: FA2 298, cuDNN 484, FA3 521",
                                "A100: FA2 153-155"};
  std::vector<Pass> all;
  const auto add_forward = [&](const AttentionCase& at, int head_dim, const OpProblem& kernel) {
    all.push_back({"attention forward", at.name, 2 * at.product(head_dim), {kernel}, at.forward_measured});
  };
  for (const AttentionCase& at : {trm, full_1k}) {
    add_forward(at, 64, forward<64, 1>(at));
    add_forward(at, 64, forward<64, 2>(at));
  }
  add_forward(causal_2k, 128, forward<128, 1>(causal_2k));
  add_passes<64>(all, trm, forward<64, 2>(trm));
  add_passes<64>(all, full_1k, forward<64, 2>(full_1k));
  add_passes<128>(all, causal_2k, forward<128, 1>(causal_2k));
  return all;
}

}  // namespace tern::roofline
