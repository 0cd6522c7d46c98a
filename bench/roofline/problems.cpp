#include "bench/roofline/problems.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/adam.cuh"
#include "kernels/cross_entropy/cross_entropy.cuh"
#include "kernels/relu_squared/relu_squared.cuh"
#include "kernels/rms_norm/rms_norm.cuh"
#include "kernels/rope/rope.cuh"
#include "kernels/sign_sgd/sign_sgd.cuh"
#include "kernels/swiglu/swiglu.cuh"

namespace tern::roofline {
namespace {

using namespace tern::kernels;

// A kernel without loops: `vectors` threads have work.
Pass flat(const std::string& op, const std::string& kernel, const std::string& shape, double bytes, int threads,
          double vectors) {
  Problem problem;
  problem.kernel = kernel;
  problem.shape = shape;
  problem.bytes = bytes;
  problem.threads = threads;
  problem.blocks = std::ceil(vectors / threads);
  return {op, shape, 0, {{op, problem}}};
}

Pass adam(const std::string& op, const std::string& rule, const std::string& shape, double parameters, bool extras) {
  Pass one = flat(op, "adam_kernel<" + rule + ">", shape, parameters * (extras ? 38 : 28), kAdamThreads, 0);
  Problem& problem = one.kernels[0].problem;
  problem.blocks = std::ceil(parameters / kAdamChunk);
  problem.loops = {{.opcode = "LDG", .turns = 8}};  // vectors of a whole chunk, per thread
  return one;
}

// Rows of a puzzle embedding: sort the ids, step the rows.
Pass sign_sgd(const std::string& shape, double rows, double width) {
  Pass pass = flat("sign_sgd", "sign_sgd_sort_kernel<256>", shape, rows * 12, kSignSgdSortThreads, rows);
  pass.kernels[0].problem.loops = {{.opcode = "LDS", .opcodes_per_warp = rows}};  // compares its id with every other
  Pass step = flat("sign_sgd", "sign_sgd_step_kernel<float, 8>", shape, rows * (width * 12 + 12), kSignSgdStepThreads,
                   rows * kSignSgdStepThreads);
  pass.kernels.push_back(step.kernels[0]);
  return pass;
}

// Softmax cross entropy of wide rows with its gradient over the logits: read, read again, written.
OpProblem wide_cross_entropy(const std::string& shape, double rows, double vocab) {
  Problem problem;
  problem.kernel = "cross_entropy_block_kernel<Bf16, false, 8>";
  problem.shape = shape;
  problem.bytes = rows * (vocab * 2 * 3 + 24);
  problem.threads = kCrossEntropyBlockThreads;
  problem.blocks = rows;
  const double turns = std::ceil(vocab / (kCrossEntropyBlockThreads * 8.0));
  problem.loops = {{.opcode = "LDG", .turns = turns, .without = "STG"}, {.opcode = "STG", .turns = turns}};
  return {"cross_entropy", problem};
}

OpProblem product(const std::string& shape, double bytes, double flops) {
  Problem problem;
  problem.shape = shape;
  problem.bytes = bytes;
  problem.flops = flops;
  return {"", problem};
}

// The chunked op: logits, their gradient in place, and the two products of the backward pass. The weight's float32
// gradient is read and written once per chunk.
Pass linear_cross_entropy(double rows, double vocab, double width) {
  constexpr double kChunkBytes = 32 << 20;  // kLinearCrossEntropyChunkBytes, in a header with ATen's types
  const double chunk = std::min(rows, std::floor(kChunkBytes / (vocab * 2))), chunks = std::ceil(rows / chunk);
  const std::string shape = "GPT, " + std::to_string(static_cast<int>(rows)) + " tokens x " +
                            std::to_string(static_cast<int>(vocab)) + ", width " +
                            std::to_string(static_cast<int>(width));
  const double flops = 2 * rows * vocab * width, logits = rows * vocab * 2, weight = vocab * width;
  const double hidden = rows * width * 2;
  return {"linear_cross_entropy",
          shape,
          3 * flops,
          {product("logits", logits + hidden + chunks * weight * 2, flops), wide_cross_entropy(shape, rows, vocab),
           product("gradient of weight", logits + hidden + chunks * weight * 8, flops),
           product("gradient of hidden", logits + hidden + chunks * weight * 2, flops)}};
}

}  // namespace

std::vector<Pass> other_passes() {
  std::vector<Pass> all;
  constexpr double kRows = 96 * 916, kWidth = 512, kInter = 1536;
  const std::string rows = "TRM, 96 x 916 rows of ";
  all.push_back(flat("rms_norm", "rms_norm_forward_kernel<Bf16, 32, 8>", rows + "512 with residual", kRows * kWidth * 6,
                     kRmsNormThreads, kRows * 32));
  all.push_back(flat("rms_norm", "rms_norm_backward_kernel<Bf16, 32, 8>", rows + "512, dy in two parts",
                     kRows * kWidth * 8, kRmsNormThreads, kRows * 32));
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
  for (const double vocab : {32768.0, 65536.0}) {
    const std::string shape = "GPT, 1024 rows of " + std::to_string(static_cast<int>(vocab)) + ", with gradient";
    all.push_back({"cross_entropy", shape, 0, {wide_cross_entropy(shape, 1024, vocab)}});
  }
  all.push_back(linear_cross_entropy(1024, 32768, 768));
  all.push_back(linear_cross_entropy(32768, 32768, 1536));
  all.push_back(linear_cross_entropy(32768, 65536, 2048));
  all.push_back(sign_sgd("TRM, 768 rows of 512, float32", 768, 512));
  all.push_back(adam("adam_atan2", "AdamATan2Rule", "TRM, 7 M parameters, with EMA and shadow", 7e6, true));
  all.push_back(adam("adamw", "AdamWRule", "GPT, 500 M parameters", 5e8, false));
  return all;
}

}  // namespace tern::roofline
