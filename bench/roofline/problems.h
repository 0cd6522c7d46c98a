// The kernels at the shapes that TRM and GPT training give them, and attention at the shapes that others published.
#pragma once

#include <string>
#include <vector>

#include "bench/roofline/model.h"

namespace tern::roofline {

struct OpProblem {
  std::string op;  // names the compiler's reports: <op>_cuda.sm_<arch>; empty for a library's product
  Problem problem;
};

// Kernels that run one after another.
struct Pass {
  std::string name;
  std::string shape;
  double flops = 0;  // that count, which may be fewer than the kernels compute; 0: memory bound
  std::vector<OpProblem> kernels;
  std::string measured{};  // by others at this shape, for the table; may be empty
};

[[nodiscard]] std::vector<Pass> attention_passes();  // forward, and forward with either backward
[[nodiscard]] std::vector<Pass> other_passes();

}  // namespace tern::roofline
