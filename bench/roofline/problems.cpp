#include "bench/roofline/problems.h"

#include <cmath>

#include "kernels/attention/attention_forward.cuh"
#include "kernels/common/adam.cuh"
#include "kernels/cross_entropy/cross_entropy.cuh"
#include "kernels/relu_squared/relu_squared.cuh"
#include "kernels/rms_norm/rms_norm.cuh"
#include "kernels/rope/rope.cuh"
#include "kernels/swiglu/swiglu.cuh"

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

// A kernel without loops: `vectors` threads have work.
OpProblem flat(const std::string& op, const std::string& kernel, const std::string& shape, double bytes, int threads,
               double vectors) {
  Problem problem;
  problem.kernel = kernel;
  problem.shape = shape;
  problem.bytes = bytes;
  problem.threads = threads;
  problem.blocks = std::ceil(vectors / threads);
  return {op, problem, ""};
}

OpProblem adam(const std::string& op, const std::string& rule, const std::string& shape, double parameters,
               bool extras) {
  OpProblem one = flat(op, "adam_kernel<" + rule + ">", shape, parameters * (extras ? 38 : 28), kAdamThreads, 0);
  one.problem.blocks = std::ceil(parameters / kAdamChunk);
  one.problem.loop_opcode = "LDG";
  return one;
}

}  // namespace

std::vector<OpProblem> problems() {
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

  constexpr double kRows = 96 * 916, kWidth = 512, kInter = 1536;
  const std::string rows = "TRM, 96 x 916 rows of ";
  all.push_back(flat("rms_norm", "rms_norm_forward_kernel<Bf16, 32, 8>", rows + "512 with residual", kRows * kWidth * 6,
                     kRmsNormThreads, kRows * 32));
  all.push_back(flat("rms_norm", "rms_norm_backward_kernel<Bf16, 32, 8>", rows + "512", kRows * kWidth * 6,
                     kRmsNormThreads, kRows * 32));
  all.push_back(flat("swiglu", "swiglu_forward_kernel<Bf16, 8>", rows + "1536", kRows * kInter * 6, kSwigluThreads,
                     kRows * kInter / 8));
  all.push_back(flat("swiglu", "swiglu_backward_kernel<Bf16, 8>", rows + "1536, recomputing", kRows * kInter * 12,
                     kSwigluThreads, kRows * kInter / 8));
  constexpr double kGptElements = 32768.0 * 8192;
  all.push_back(flat("relu_squared", "relu_squared_forward_kernel<Bf16, 8>", "GPT, 32k tokens x 8192", kGptElements * 4,
                     kReluSquaredThreads, kGptElements / 8));
  all.push_back(flat("relu_squared", "relu_squared_backward_kernel<Bf16, 8>", "GPT, 32k tokens x 8192",
                     kGptElements * 6, kReluSquaredThreads, kGptElements / 8));
  all.push_back(flat("rope", "rope_kernel<Bf16, 8, false>", rows + "8 q and 8 k heads of 64", kRows * 1024 * 4,
                     kRopeThreads, kRows * 512 / 8));
  all.push_back(flat("cross_entropy", "cross_entropy_team_kernel<Bf16, true, 4, 4>",
                     "TRM, 96 x 900 rows of 12, with gradient", 96 * 900 * (12 * 4 + 8 + 4 + 4 + 8.0),
                     kCrossEntropyTeamThreads, 96 * 900 * 4.0));
  all.push_back(adam("adam_atan2", "AdamATan2Rule", "TRM, 7 M parameters, with EMA and shadow", 7e6, true));
  all.push_back(adam("adamw", "AdamWRule", "GPT, 500 M parameters", 5e8, false));
  return all;
}

}  // namespace tern::roofline
