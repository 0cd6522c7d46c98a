// Kernels without a defect that come close to one: every build must run them silently and get the right result.
#pragma once

#include <functional>
#include <vector>

namespace tern::kernels::test {

struct LegalKernel {
  const char* name;
  std::function<bool()> run;  // true: the result is right
};

std::vector<LegalKernel> legal_kernels();

}  // namespace tern::kernels::test
