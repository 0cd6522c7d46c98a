#include "kernels/rms_norm/rms_norm.cuh"
#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {

// Memory bound. A thread has its whole share of the row in flight, so two blocks (16 warps with 64 to 128 bytes per
// lane) are plenty; backward holds up to three shares, element by element in 128 registers. Each vector is loaded and
// stored by one instruction; the rest are the row's rstd.
std::vector<Budget> budgets() {
  std::vector<Budget> all;
  const auto add = [&](const std::string& type, int vec) {
    const int vectors = kRmsNormValues / vec;
    for (int team : vec == 1 ? std::vector<int>{kRmsNormThreads} : std::vector<int>{kWarpThreads, kRmsNormThreads}) {
      const std::string instance = "<" + type + ", " + std::to_string(team) + ", " + std::to_string(vec) + ">";
      all.push_back({"rms_norm_forward_kernel" + instance,
                     kRmsNormThreads,
                     0,
                     96,
                     2,
                     {{"LDG", 2 * vectors}, {"STG", vectors + 1}}});
      all.push_back({"rms_norm_backward_kernel" + instance,
                     kRmsNormThreads,
                     0,
                     vec == 1 ? 128 : 96,
                     2,
                     {{"LDG", 3 * vectors + 1}, {"STG", vectors}}});
    }
  };
  add("float", 4);
  add("float", 1);
  add("Bf16", 8);
  add("Bf16", 1);
  return all;
}

}  // namespace tern::kernels::test
