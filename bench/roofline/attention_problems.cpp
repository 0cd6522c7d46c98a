#include <algorithm>
#include <cmath>

#include "bench/roofline/problems.h"
#include "kernels/attention/attention_forward.cuh"

namespace tern::roofline {
namespace {

using namespace tern::kernels;

struct AttentionCase {
  std::string name;
  double batch, heads, seq;
  bool causal;
  std::string measured;
};

// Products of a forward pass: 4 * batch * heads * head_dim per pair of a query and a key that it sees.
template <int head_dim, int row_tiles>
OpProblem attention(const AttentionCase& at) {
  using Shared = AttentionForwardShared<head_dim, row_tiles>;
  constexpr double kMmaPerStep = row_tiles * 2.0 * (head_dim / 16) * (Shared::kKeys / 8);
  const double query_blocks = std::ceil(at.seq / Shared::kQueries);
  double steps = 0;
  for (double block = 0; block < query_blocks; ++block) {
    const double keys = at.causal ? std::min(at.seq, (block + 1) * Shared::kQueries) : at.seq;
    steps += std::ceil(keys / Shared::kKeys);
  }
  const double elements = at.batch * at.heads * at.seq * head_dim;
  Problem problem;
  problem.kernel = "attention_forward_kernel<" + std::to_string(head_dim) + ", " + std::to_string(row_tiles) + ">";
  problem.shape = at.name;
  problem.bytes = 4 * elements * 2 + at.batch * at.heads * at.seq * 4;
  problem.flops = 4 * elements * at.seq / (at.causal ? 2 : 1);
  problem.threads = kAttentionThreads;
  problem.dynamic_shared_bytes = Shared::kBytes;
  problem.blocks = query_blocks * at.heads * at.batch;
  problem.loop_opcode = "HMMA";
  problem.loop_opcodes_per_warp = kMmaPerStep * steps / query_blocks;
  return {"attention", problem, at.measured};
}

}  // namespace

std::vector<OpProblem> attention_problems() {
  std::vector<OpProblem> all;
  const std::string fa64 = "H100: FA2 306, cuDNN 373, FA3 392 TFLOP/s",
                    fa128 = "H100: FA2 298, cuDNN 484, FA3 521 TFLOP/s";
  const AttentionCase trm{"TRM, batch 96, 916 tokens, 8 heads of 64", 96, 8, 916, false, ""};
  const AttentionCase full_1k{"batch 16, 1k tokens, 32 heads of 64, full", 16, 32, 1024, false, fa64};
  all.push_back(attention<64, 1>(trm));
  all.push_back(attention<64, 2>(trm));
  all.push_back(attention<64, 1>(full_1k));
  all.push_back(attention<64, 2>(full_1k));
  all.push_back(attention<128, 1>({"batch 8, 2k tokens, 16 heads of 128, causal", 8, 16, 2048, true, fa128}));
  return all;
}

}  // namespace tern::roofline
