// How fast a kernel could run at most: the time that each resource needs for its share if it does nothing else. The
// largest of these times, stretched by a last wave of blocks that doesn't fill the GPU, is the ceiling; real kernels
// stay below, as the resources' work overlaps only in part.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/roofline/gpu.h"
#include "bench/roofline/sass.h"

namespace tern::roofline {

// How often a loop runs. It is the one with most of an opcode among its own instructions.
struct LoopUse {
  std::string opcode;
  double opcodes_per_warp = 0;  // so many of it are issued per warp
  double turns = 0;             // or, where that isn't known: so many turns of the loop as the compiler left it
  std::string without{};        // an opcode that the loop must not have
};

// A kernel at one shape.
struct Problem {
  std::string kernel;  // instance, as in the compiler's report; empty: a library's matrix product
  std::string shape;   // for the table
  double bytes = 0;    // that have to cross the memory's bus: every input read once, every output written once
  double flops = 0;    // tensor-core products and sums
  int threads = 0;     // per block
  size_t dynamic_shared_bytes = 0;
  double blocks = 0;
  // What repeats. Other loops are not counted: plain use skips them. Empty: each instruction runs once per warp.
  std::vector<LoopUse> loops{};
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

// Of a library's product: memory, and the whole rate of the tensor cores.
[[nodiscard]] Bounds library_bounds_of(const Problem& problem, const Gpu& gpu);

}  // namespace tern::roofline
