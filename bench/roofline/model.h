// How fast a kernel could run at most: the time that each resource needs for its share if it does nothing else. The
// largest of these times, stretched by a last wave of blocks that doesn't fill the GPU, is the ceiling; real kernels
// stay below, as the resources' work overlaps only in part.
#pragma once

#include <string>

#include "bench/roofline/gpu.h"
#include "bench/roofline/sass.h"

namespace tern::roofline {

// A kernel at one shape.
struct Problem {
  std::string kernel;  // instance, as in the compiler's report
  std::string shape;   // for the table
  double bytes = 0;    // that have to cross the memory's bus: every input read once, every output written once
  double flops = 0;    // tensor-core products and sums
  int threads = 0;     // per block
  size_t dynamic_shared_bytes = 0;
  double blocks = 0;
  // What repeats: the outermost loop that holds this opcode runs as often as its count per warp says. Loops inside of
  // it and beside it are counted once, or not at all where plain use skips them.
  std::string loop_opcode{};
  double loop_opcodes_per_warp = 0;  // 0: no loop, each instruction runs once per warp
};

struct Bounds {
  double memory_us = 0, tensor_us = 0, issue_us = 0, special_us = 0, fp32_us = 0;
  double waves = 0;       // of blocks, all multiprocessors filled
  double ceiling_us = 0;  // what is predicted
  double percent = 0;     // of the peak of tensor cores (with flops) or memory (without)
  std::string limited_by;
};

// Instructions that one warp issues, by opcode.
[[nodiscard]] std::map<std::string, double> issued_per_warp(const SassKernel& kernel, const Problem& problem);

[[nodiscard]] Bounds bounds_of(const Problem& problem, const SassKernel& kernel, const Gpu& gpu, int blocks_per_sm);

}  // namespace tern::roofline
