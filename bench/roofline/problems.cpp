#include "bench/roofline/problems.h"

#include <cmath>

#include "kernels/common/adam.cuh"
#include "kernels/cross_entropy/cross_entropy.cuh"
#include "kernels/relu_squared/relu_squared.cuh"
#include "kernels/rms_norm/rms_norm.cuh"
#include "kernels/rope/rope.cuh"
#include "kernels/swiglu/swiglu.cuh"

namespace tern::roofline {
namespace {

using namespace tern::kernels;

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
  std::vector<OpProblem> all = attention_problems();
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
