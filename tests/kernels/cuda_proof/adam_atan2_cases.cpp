#include <cmath>

#include "kernels/adam_atan2/adam_atan2.cuh"
#include "tests/kernels/cuda_proof/adam_proof.h"

namespace tern::kernels::test {

std::vector<Case> proof_cases() {
  const AdamATan2Rule rule{1.9f};
  return adam_cases(
      [rule](std::span<const AdamPointers> tensors, const AdamConstants& constants) {
        adam_launch(tensors, constants, rule, nullptr);
      },
      [rule](double m, double v) { return std::atan2(m, std::sqrt(v) * rule.inv_correction2); },
      // atan2f of CUDA and of glibc differ by up to 3 units in the last place of at most pi/2, times the step size.
      {3 * 0x1p-24 * 0.06, 0x1p-23});
}

}  // namespace tern::kernels::test
