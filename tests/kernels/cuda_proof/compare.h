#pragma once

#include <string>
#include <vector>

#include "tests/kernels/cuda_proof/proof.h"

namespace tern::kernels::test {

// Empty, or what is wrong: which output, how many values, the worst one.
std::string compare(const std::vector<Output>& outputs, const std::vector<Expected>& expected);
// The same between two engines, with Expected::engines as tolerance.
std::string compare_engines(const std::vector<Output>& outputs, const std::vector<Output>& reference,
                            const std::vector<Expected>& expected);

}  // namespace tern::kernels::test
