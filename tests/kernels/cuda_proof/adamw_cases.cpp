#include <cmath>

#include "kernels/adamw/adamw.cuh"
#include "tests/kernels/cuda_proof/adam_proof.h"

namespace tern::kernels::test {

std::vector<Case> proof_cases() {
  const AdamWRule rule{1.9f, 1e-8f};
  return adam_cases([rule](std::span<const AdamPointers> tensors,
                           const AdamConstants& constants) { adam_launch(tensors, constants, rule, nullptr); },
                    [rule](double m, double v) { return m / (std::sqrt(v) * rule.inv_correction2 + rule.eps); },
                    Tolerance{});  // every operation is exactly rounded
}

}  // namespace tern::kernels::test
