#include "kernels/common/adam.cuh"
#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {

// Memory bound: four blocks (32 warps) with five 16-byte loads each in flight cover the memory's latency.
std::vector<Budget> budgets() {
  return {{"adam_kernel<AdamATan2Rule>", kAdamThreads, 0, 64, 4, {}}};
}

}  // namespace tern::kernels::test
