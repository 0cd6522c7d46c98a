#include "kernels/rope/rope.cuh"
#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {

// Memory bound: 32 warps with four or more vectors in flight per lane. Angles are float32: two loads per eight of them.
std::vector<Budget> budgets() {
  std::vector<Budget> all;
  for (const std::string direction : {"true", "false"}) {
    const auto add = [&](const std::string& instance, int loads) {
      all.push_back(
          {"rope_kernel<" + instance + ", " + direction + ">", kRopeThreads, 0, 56, 4, {{"LDG", loads}, {"STG", 2}}});
    };
    add("float, 4", 4);
    add("float, 1", 4);
    add("Bf16, 8", 6);
    add("Bf16, 1", 4);
  }
  return all;
}

}  // namespace tern::kernels::test
