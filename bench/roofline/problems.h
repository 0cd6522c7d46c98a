// The kernels at the shapes that TRM and GPT training give them, and attention at the shapes that others published.
#pragma once

#include <string>
#include <vector>

#include "bench/roofline/model.h"

namespace tern::roofline {

struct OpProblem {
  std::string op;  // names the compiler's reports: <op>_cuda.sm_<arch>
  Problem problem;
  std::string measured;  // by others at this shape, for the table; may be empty
};

[[nodiscard]] std::vector<OpProblem> attention_problems();  // the forward kernel
[[nodiscard]] std::vector<OpProblem> problems();            // all of them

}  // namespace tern::roofline
