#include "kernels/swiglu/swiglu.cuh"
#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {

// Memory bound: 24 warps with two or three vectors in flight per lane. Each vector is moved by one instruction.
std::vector<Budget> budgets() {
  std::vector<Budget> all;
  for (const std::string instance : {"<float, 4>", "<float, 1>", "<Bf16, 8>", "<Bf16, 1>"}) {
    all.push_back({"swiglu_forward_kernel" + instance, kSwigluThreads, 0, 64, 3, {{"LDG", 2}, {"STG", 1}}});
    all.push_back({"swiglu_backward_kernel" + instance, kSwigluThreads, 0, 64, 3, {{"LDG", 3}, {"STG", 3}}});
  }
  return all;
}

}  // namespace tern::kernels::test
