// Runs every case once, for line coverage.
#include <cstdio>
#include <exception>

#include "tests/kernels/cuda_proof/proof.h"

int main() {
  try {
    for (const tern::kernels::test::Case& one : tern::kernels::test::proof_cases()) one.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
