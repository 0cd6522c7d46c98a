#include "bench/roofline/model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

namespace tern::roofline {
namespace {

constexpr double kSchedulersPerSm = 4;
constexpr double kSpecialLanes = 4;  // of each quarter of a multiprocessor: exponentials, reciprocals, roots

double count(const std::map<std::string, double>& issued, std::initializer_list<const char*> opcodes) {
  double sum = 0;
  for (const char* opcode : opcodes) {
    const auto found = issued.find(opcode);
    if (found != issued.end()) sum += found->second;
  }
  return sum;
}

const Loop& repeating_loop(const SassKernel& kernel, const LoopUse& use) {
  const Loop* found = nullptr;
  for (const Loop& loop : kernel.loops) {
    if (!loop.own.contains(use.opcode) || loop.own.contains(use.without)) continue;
    if (found == nullptr || loop.own.at(use.opcode) > found->own.at(use.opcode)) found = &loop;
  }
  if (found == nullptr) throw std::runtime_error("no loop with " + use.opcode);
  return *found;
}

}  // namespace

std::map<std::string, double> issued_per_warp(const SassKernel& kernel, const Problem& problem) {
  std::map<std::string, double> issued;
  const auto add = [&](const Mix& mix, double times) {
    for (const auto& [opcode, number] : mix) issued[opcode] += times * number;
  };
  add(kernel.straight, 1);
  for (const LoopUse& use : problem.loops) {
    const Loop& loop = repeating_loop(kernel, use);
    add(loop.own, use.turns > 0 ? use.turns : use.opcodes_per_warp / loop.own.at(use.opcode));
  }
  return issued;
}

Bounds bounds_of(const Problem& problem, const SassKernel& kernel, const Gpu& gpu, int blocks_per_sm) {
  const auto issued = issued_per_warp(kernel, problem);
  const double warps = problem.blocks * problem.threads / 32;
  // Microseconds if every scheduler of the GPU issued one such instruction per `cycles`.
  const auto time = [&](double instructions, double cycles) {
    return warps * instructions * cycles / (gpu.multiprocessors * kSchedulersPerSm * gpu.clock_ghz * 1e3);
  };
  double instructions = 0;
  for (const auto& [opcode, number] : issued) instructions += number;

  Bounds bounds;
  bounds.memory_us = problem.bytes / (gpu.memory_gbs * 1e3);
  bounds.tensor_us = problem.flops / (gpu.tensor_tflops * gpu.mma_sync_share * 1e6);
  bounds.issue_us = time(instructions, 1);
  bounds.special_us = time(count(issued, {"MUFU"}), 32 / kSpecialLanes);
  bounds.fp32_us =
      time(count(issued, {"FFMA", "FADD", "FMUL", "FFMA2", "FADD2", "FMUL2"}), 32 / gpu.fp32_lanes_per_smsp);
  bounds.waves = problem.blocks / (gpu.multiprocessors * std::max(blocks_per_sm, 1));

  const std::array<std::pair<double, const char*>, 5> all = {{{bounds.memory_us, "memory"},
                                                              {bounds.tensor_us, "tensor cores"},
                                                              {bounds.issue_us, "issue slots"},
                                                              {bounds.special_us, "special functions"},
                                                              {bounds.fp32_us, "fp32 lanes"}}};
  const auto worst = *std::ranges::max_element(all);
  bounds.limited_by = worst.second;
  // Memory is shared by all multiprocessors, so that a last wave of few blocks costs what it needs; the rest are not.
  const bool shared = worst.first == bounds.memory_us;
  bounds.ceiling_us = worst.first * (shared ? 1 : std::ceil(bounds.waves) / bounds.waves);
  const double ideal = problem.flops > 0 ? problem.flops / (gpu.tensor_tflops * 1e6) : bounds.memory_us;
  bounds.percent = 100 * ideal / bounds.ceiling_us;
  return bounds;
}

Bounds library_bounds_of(const Problem& problem, const Gpu& gpu) {
  Bounds bounds;
  bounds.memory_us = problem.bytes / (gpu.memory_gbs * 1e3);
  bounds.tensor_us = problem.flops / (gpu.tensor_tflops * 1e6);
  bounds.ceiling_us = std::max(bounds.memory_us, bounds.tensor_us);
  bounds.limited_by = bounds.memory_us > bounds.tensor_us ? "memory" : "tensor cores";
  bounds.percent = 100 * bounds.tensor_us / bounds.ceiling_us;
  return bounds;
}

}  // namespace tern::roofline
