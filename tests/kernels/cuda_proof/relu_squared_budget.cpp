#include "kernels/relu_squared/relu_squared.cuh"
#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {

std::vector<Budget> budgets() {
  std::vector<Budget> all;
  for (const std::string instance : {"<float, 4>", "<float, 1>", "<Bf16, 8>", "<Bf16, 1>"}) {
    all.push_back({"relu_squared_forward_kernel" + instance, kReluSquaredThreads, 0, 40, 6, {{"LDG", 1}, {"STG", 1}}});
    all.push_back({"relu_squared_backward_kernel" + instance, kReluSquaredThreads, 0, 40, 6, {{"LDG", 2}, {"STG", 1}}});
  }
  return all;
}

}  // namespace tern::kernels::test
