// Prints what each CUDA kernel could reach at most on five GPUs, out of data sheets and of the machine code that the
// compiler made:  roofline [FOLDER]   FOLDER holds <op>_cuda.sm_<arch>.ptxas and .sass, as the kernels' proofs leave
// them.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <map>
#include <set>

#include <fmt/format.h>

#include "bench/roofline/problems.h"
#include "tests/kernels/cuda_proof/compiler_report.h"
#include "tests/kernels/cuda_proof/occupancy.h"

namespace {

using namespace tern::roofline;
namespace report = tern::kernels::test;

struct Compiled {
  std::map<std::string, report::KernelReport> reports;
  std::map<std::string, SassKernel> code;
};

// Of one op and architecture; read once.
const Compiled& compiled_op(const std::filesystem::path& stem) {
  static std::map<std::string, Compiled> known;
  const auto found = known.find(stem.string());
  if (found != known.end()) return found->second;
  return known[stem.string()] = {report::read_ptxas_log(report::read_report(stem.string() + ".ptxas")),
                                 read_sass(report::read_report(stem.string() + ".sass"))};
}

Bounds bounds_on(const OpProblem& one, const Gpu& gpu, const std::filesystem::path& folder, int& blocks) {
  if (one.op.empty()) return library_bounds_of(one.problem, gpu);
  const Compiled& op = compiled_op(folder / (one.op + "_cuda.sm_" + gpu.arch));
  const report::KernelReport& compiled = op.reports.at(one.problem.kernel);
  blocks = report::blocks_per_multiprocessor(gpu.arch, compiled.registers, one.problem.threads,
                                             static_cast<size_t>(compiled.static_shared_bytes),
                                             one.problem.dynamic_shared_bytes);
  return bounds_of(one.problem, op.code.at(one.problem.kernel), gpu, blocks);
}

void print_kernel(const OpProblem& one, const Gpu& gpu, const std::filesystem::path& folder) {
  const Problem& problem = one.problem;
  int blocks = 0;
  const Bounds b = bounds_on(one, gpu, folder, blocks);
  const std::string tflops =
      problem.flops > 0 ? fmt::format("{:.0f} TFLOP/s", problem.flops / b.ceiling_us * 1e-6) : "";
  fmt::print(
      "| {} | {} | {} | {:.1f} | {:.2f} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {} ({} warps) | {:.1f} | {} | {:.0f} % "
      "{} |\n",
      problem.kernel, problem.shape, gpu.name, problem.bytes * 1e-6, problem.flops * 1e-9, b.memory_us, b.tensor_us,
      b.issue_us, std::max(b.special_us, b.fp32_us), blocks, blocks * problem.threads / 32, b.waves, b.limited_by,
      b.percent, tflops);
}

// All kernels of a pass, one after another.
void print_pass(const Pass& pass, const Gpu& gpu, const std::filesystem::path& folder) {
  double us = 0;
  std::string parts;
  for (const OpProblem& one : pass.kernels) {
    int blocks = 0;
    const double part = bounds_on(one, gpu, folder, blocks).ceiling_us;
    us += part;
    parts += fmt::format("{}{:.0f}", parts.empty() ? "" : " + ", part);
  }
  const std::string rate = pass.flops > 0 ? fmt::format("{:.0f} TFLOP/s ({:.0f} %)", pass.flops / us * 1e-6,
                                                        100 * pass.flops / (gpu.tensor_tflops * 1e6) / us)
                                          : "";
  fmt::print("| {} | {} | {} | {:.0f} | {} | {} | {} |\n", pass.name, pass.shape, gpu.name, us, parts, rate,
             pass.measured);
}

void print_all(const std::filesystem::path& folder) {
  fmt::print(
      "These are predictions, not measurements: no kernel was run. Each is the time that the busiest resource needs "
      "if\n"
      "everything else overlaps with it, so a real run is slower. Percent: of the data sheet's tensor rate for "
      "attention\n"
      "and matrix products, of its memory bandwidth for the rest. Tensor bound: with what mma.sync can reach of that "
      "rate.\n\n"
      "{}\n"
      "| kernel | shape | GPU | MB | GFLOP | memory us | tensor us | issue us | mufu/fp32 us | blocks per SM | waves | "
      "limited by | ceiling |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
      gpu_sources());
  std::vector<Pass> passes = attention_passes();
  std::ranges::copy(other_passes(), std::back_inserter(passes));
  std::set<std::string> printed;
  for (const Pass& pass : passes) {
    for (const OpProblem& one : pass.kernels) {
      if (one.op.empty() || !printed.insert(one.problem.kernel + one.problem.shape).second) continue;
      for (const Gpu& gpu : gpus()) print_kernel(one, gpu, folder);
    }
  }
  fmt::print(
      "\nPasses of several kernels, one after another, and attention beside what others measured at the same shape "
      "(TFLOP/s).\n"
      "A backward pass of attention counts as 2.5 forward passes, whatever the kernels compute.\n\n"
      "| pass | shape | GPU | us | of which | ceiling | measured by others |\n|---|---|---|---|---|---|---|\n");
  for (const Pass& pass : passes) {
    if (pass.kernels.size() == 1 && pass.measured.empty()) continue;
    for (const Gpu& gpu : gpus()) print_pass(pass, gpu, folder);
  }
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
