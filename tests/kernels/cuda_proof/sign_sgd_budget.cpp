#include "kernels/sign_sgd/sign_sgd.cuh"
#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {

// Few blocks and little work: what counts is that 32 warps fit, so that the gradient rows of a run are waited for
// together.
std::vector<Budget> budgets() {
  std::vector<Budget> all{{"sign_sgd_sort_kernel<256>", kSignSgdSortThreads, 0, 40, 4, {}}};
  for (const std::string instance : {"<float, 8>", "<float, 1>", "<Bf16, 8>", "<Bf16, 1>"})
    all.push_back({"sign_sgd_step_kernel" + instance, kSignSgdStepThreads, 0, 64, 8, {}});
  return all;
}

}  // namespace tern::kernels::test
