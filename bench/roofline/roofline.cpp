// Prints what each CUDA kernel could reach at most on five GPUs, out of data sheets and of the machine code that the
// compiler made:  roofline [FOLDER]   FOLDER holds <op>_cuda.sm_<arch>.ptxas and .sass, as the kernels' proofs leave
// them.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "bench/roofline/problems.h"
#include "tests/kernels/cuda_proof/compiler_report.h"
#include "tests/kernels/cuda_proof/occupancy.h"

namespace {

using namespace tern::roofline;
namespace report = tern::kernels::test;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) throw std::runtime_error("can't read " + path.string());
  return text.str();
}

struct Compiled {
  std::map<std::string, report::KernelReport> reports;
  std::map<std::string, SassKernel> code;
};

// Of one op and architecture; read once.
const Compiled& compiled_op(const std::filesystem::path& stem) {
  static std::map<std::string, Compiled> known;
  const auto found = known.find(stem.string());
  if (found != known.end()) return found->second;
  return known[stem.string()] = {report::read_ptxas_log(read(stem.string() + ".ptxas")),
                                 read_sass(read(stem.string() + ".sass"))};
}

void print_row(const OpProblem& one, const Gpu& gpu, const std::filesystem::path& folder) {
  const Compiled& op = compiled_op(folder / (one.op + "_cuda.sm_" + gpu.arch));
  const report::KernelReport& compiled = op.reports.at(one.problem.kernel);
  const SassKernel& kernel = op.code.at(one.problem.kernel);
  const int blocks = report::blocks_per_multiprocessor(gpu.arch, compiled.registers, one.problem.threads,
                                                       static_cast<size_t>(compiled.static_shared_bytes),
                                                       one.problem.dynamic_shared_bytes);
  Problem problem = one.problem;
  if (problem.loop_opcode == "LDG") {  // a loop over vectors: one turn per thread and vector of a whole chunk
    int per_turn = 0;
    for (const Loop& loop : kernel.loops) {
      const auto found = loop.own.find("LDG");
      if (found != loop.own.end()) per_turn = std::max(per_turn, found->second);
    }
    problem.loop_opcodes_per_warp = 8.0 * per_turn;
  }
  const Bounds b = bounds_of(problem, kernel, gpu, blocks);
  const std::string tflops =
      problem.flops > 0 ? fmt::format("{:.0f} TFLOP/s", problem.flops / b.ceiling_us * 1e-6) : "";
  fmt::print(
      "| {} | {} | {} | {:.1f} | {:.2f} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {} ({} warps) | {:.1f} | {} | {:.0f} % "
      "{} |\n",
      problem.kernel, problem.shape, gpu.name, problem.bytes * 1e-6, problem.flops * 1e-9, b.memory_us, b.tensor_us,
      b.issue_us, std::max(b.special_us, b.fp32_us), blocks, blocks * problem.threads / 32, b.waves, b.limited_by,
      b.percent, tflops);
}

void print_all(const std::filesystem::path& folder) {
  fmt::print(
      "These are predictions, not measurements: no kernel was run. Each is the time that the busiest resource needs "
      "if\n"
      "everything else overlaps with it, so a real run is slower. Percent: of the data sheet's tensor rate for "
      "attention,\n"
      "of its memory bandwidth for the rest. Tensor bound: with what mma.sync can reach of that rate "
      "(bench/roofline/gpu.cpp).\n\n"
      "| kernel | shape | GPU | MB | GFLOP | memory us | tensor us | issue us | mufu/fp32 us | blocks per SM | waves | "
      "limited by | ceiling |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  std::string measured;
  for (const OpProblem& one : problems()) {
    for (const Gpu& gpu : gpus()) print_row(one, gpu, folder);
    if (!one.measured.empty() && measured.find(one.measured) == std::string::npos) {
      measured += "  " + one.problem.shape + ": " + one.measured + "\n";
    }
  }
  fmt::print(
      "\nMeasured by others, bf16 forward pass at these shapes:\n{}"
      "  A100: FA2 forward and backward together 153-155 TFLOP/s\n",
      measured);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    print_all(argc > 1 ? argv[1] : TERN_KERNEL_REPORTS);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what()
              << " (build the kernels' reports first: they need nvcc and scripts/get_sass_tools.sh)\n";
    return 1;
  }
}
