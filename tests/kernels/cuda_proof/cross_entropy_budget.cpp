#include "kernels/cross_entropy/cross_entropy.cuh"
#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {

// Memory bound: 32 warps per multiprocessor in the block kernel, 28 in the team kernels. Loads and stores aren't
// counted: from sm_100 on the compiler makes copies of the loops for rows that are ignored and for logits without a
// cap.
std::vector<Budget> budgets() {
  std::vector<Budget> all;
  for (const std::string type : {"float", "Bf16"})
    for (const std::string kind : {"true", "false"}) {
      const auto team = [&](int lanes, int values, int registers, int blocks) {
        const std::string instance =
            "<" + type + ", " + kind + ", " + std::to_string(lanes) + ", " + std::to_string(values) + ">";
        all.push_back({"cross_entropy_team_kernel" + instance, kCrossEntropyTeamThreads, 0, registers, blocks, {}});
      };
      team(4, 4, 48, 8);
      team(32, 8, 72, 7);
      for (const int vec : {1, type == "float" ? 4 : 8})
        all.push_back({"cross_entropy_block_kernel<" + type + ", " + kind + ", " + std::to_string(vec) + ">",
                       kCrossEntropyBlockThreads,
                       0,
                       64,
                       2,
                       {}});
    }
  return all;
}

}  // namespace tern::kernels::test
