#include "tests/support/gradients.h"

#include <algorithm>

#include "tests/support/tensors.h"

namespace tern::test {
namespace {

constexpr uint64_t kGradSeed = 977;

std::vector<at::Tensor> leaves(const std::vector<at::Tensor>& inputs, bool widen) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& input : inputs) {
    // A copy with the strides of the original, so that a transposed input stays one.
    at::Tensor leaf = widen ? input.detach().to(at::kDouble, false, true) : input.detach().clone();
    result.push_back(leaf.set_requires_grad(true));
  }
  return result;
}

double weighted_sum(const TensorFunction& function, const std::vector<at::Tensor>& inputs, const at::Tensor& weights) {
  return function(inputs).detach().mul(weights).sum().item<double>();
}

}  // namespace

testing::AssertionResult gradcheck(const TensorFunction& function, const std::vector<at::Tensor>& inputs) {
  constexpr double step = 1e-6;
  auto analytic = leaves(inputs, false);
  const at::Tensor out = function(analytic);
  const at::Tensor weights = randn(out.sizes(), kGradSeed);
  out.backward(weights);
  for (size_t which = 0; which < inputs.size(); ++which) {
    std::vector<at::Tensor> probe;
    for (const at::Tensor& input : inputs) probe.push_back(input.detach().clone());
    const at::Tensor grad = analytic[which].grad().contiguous();
    const double scale = std::max(1.0, grad.abs().max().item<double>());
    at::Tensor flat = probe[which].view(-1);
    for (int64_t i = 0; i < flat.numel(); ++i) {
      double& value = flat.mutable_data_ptr<double>()[i];
      const double original = value;
      value = original + step;
      const double above = weighted_sum(function, probe, weights);
      value = original - step;
      const double below = weighted_sum(function, probe, weights);
      value = original;
      const double numeric = (above - below) / (2 * step);
      const double found = grad.view(-1).const_data_ptr<double>()[i];
      if (!(std::abs(numeric - found) <= 1e-6 * scale)) {
        return testing::AssertionFailure() << "input " << which << ", element " << i << ": gradient " << found
                                           << ", central difference " << numeric;
      }
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult matches_plain(const TensorFunction& fused, const TensorFunction& plain,
                                       const std::vector<at::Tensor>& inputs, Tolerance forward, Tolerance backward) {
  auto fused_inputs = leaves(inputs, false);
  auto plain_inputs = leaves(inputs, true);
  const at::Tensor out = fused(fused_inputs);
  const at::Tensor expected = plain(plain_inputs);
  if (auto result = close(out, expected, forward.relative, forward.absolute); !result) {
    return result << " (forward)";
  }
  const at::Tensor gradient = randn(out.sizes(), kGradSeed, out.scalar_type());
  out.backward(gradient, /*retain_graph=*/true);
  expected.backward(gradient.to(at::kDouble));
  std::vector<at::Tensor> once;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const at::Tensor grad = fused_inputs[i].grad();
    if (auto result = close(grad, plain_inputs[i].grad(), backward.relative, backward.absolute); !result) {
      return result << " (gradient of input " << i << ")";
    }
    once.push_back(grad.clone());
  }
  out.backward(gradient);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (auto result = same(fused_inputs[i].grad(), once[i] * 2); !result) {
      return result << " (second backward pass into the gradient of input " << i << ")";
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace tern::test
