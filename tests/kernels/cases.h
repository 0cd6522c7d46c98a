// What the tests of all fused ops share: awkward lengths, tolerances per dtype, and the check of error messages.
#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "tests/support/gradients.h"

namespace tern::test {

// Around the vector widths 4, 8 and 16 and their unrolled multiples, and TRM's and GPT's own sizes.
inline std::vector<int64_t> awkward_widths() {
  return {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 127, 512, 515};
}

inline const std::vector<at::ScalarType>& float_types() {
  static const std::vector<at::ScalarType> types{at::kFloat, at::kBFloat16, at::kDouble};
  return types;
}

// `roundings` counts the rounding errors of half a unit in the last place that add up in the worst element, relative to
// values of size `scale`. bfloat16 results are computed in float32 and rounded once (2^-9); the inputs are exact.
inline Tolerance rounding_tolerance(at::ScalarType dtype, double roundings, double scale = 1) {
  switch (dtype) {
    case at::kBFloat16: return {0x1p-8, 0x1p-24 * roundings * scale};
    case at::kDouble: return {0x1p-53 * roundings, 0x1p-53 * roundings * scale};
    default: return {0x1p-24 * roundings, 0x1p-24 * roundings * scale};
  }
}

// The call must throw a usage error with exactly this message.
inline void expect_usage_error(const std::function<void()>& call, const std::string& message) {
  try {
    call();
    ADD_FAILURE() << "no error; expected: " << message;
  } catch (const tern::Error& error) {
    EXPECT_EQ(error.kind(), tern::ErrorKind::usage);
    EXPECT_EQ(std::string(error.what()), message);
  }
}

}  // namespace tern::test
