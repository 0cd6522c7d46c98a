// Checks of differentiable functions: against central differences, and against a plain twin in float64.
#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace tern::test {

using TensorFunction = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

// Compares the gradients that autograd finds for sum(w * function(inputs)), w random and fixed, with central
// differences of step 1e-6. inputs: float64, small (one evaluation per element). The difference quotient is good to
// about 1e-9 relative to the sum, so 1e-6 of the largest gradient is asked for.
testing::AssertionResult gradcheck(const TensorFunction& function, const std::vector<at::Tensor>& inputs);

struct Tolerance {
  double relative = 0;
  double absolute = 0;
};

// Runs `fused` on inputs and `plain` on their float64 copies, forward and backward with one random gradient, and
// compares result and input gradients. Then runs the fused backward pass a second time into the same gradients: they
// must double.
testing::AssertionResult matches_plain(const TensorFunction& fused, const TensorFunction& plain,
                                       const std::vector<at::Tensor>& inputs, Tolerance forward, Tolerance backward);

}  // namespace tern::test
