#include "tests/support/tensors.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>

#include <cmath>

namespace tern::test {

at::Tensor randn(at::IntArrayRef sizes, uint64_t seed, at::ScalarType dtype) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::empty(sizes, at::kDouble).normal_(0, 1, generator).to(dtype);
}

testing::AssertionResult close(const at::Tensor& actual, const at::Tensor& expected, double relative, double absolute) {
  if (!actual.defined()) return testing::AssertionFailure() << "undefined tensor";
  if (actual.sizes() != expected.sizes()) {
    return testing::AssertionFailure() << "shape " << actual.sizes() << ", expected " << expected.sizes();
  }
  const at::Tensor a = actual.detach().to(at::kDouble).contiguous();
  const at::Tensor e = expected.detach().to(at::kDouble).contiguous();
  const double* got = a.const_data_ptr<double>();
  const double* want = e.const_data_ptr<double>();
  for (int64_t i = 0; i < a.numel(); ++i) {
    if (std::isnan(got[i]) && std::isnan(want[i])) continue;
    const double difference = got[i] == want[i] ? 0 : std::abs(got[i] - want[i]);
    if (!(difference <= absolute + relative * std::abs(want[i]))) {
      return testing::AssertionFailure() << "element " << i << " of " << a.sizes() << ": " << got[i] << ", expected "
                                         << want[i] << ", difference " << difference;
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult same(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.scalar_type() != expected.scalar_type()) return testing::AssertionFailure() << "different dtypes";
  if (!at::equal(actual, expected)) return close(actual, expected, 0, 0);
  return testing::AssertionSuccess();
}

}  // namespace tern::test
