#include "kernels/common/adam.cuh"
#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {

std::vector<Budget> budgets() {
  return {{"adam_kernel<AdamWRule>", kAdamThreads, 0, 64, 4, {}}};
}

}  // namespace tern::kernels::test
