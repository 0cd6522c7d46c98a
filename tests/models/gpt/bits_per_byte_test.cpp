#include "models/gpt/bits_per_byte.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/tensors.h"

namespace tern::test {
namespace {

TEST(BitsPerByte, LeavesOutIgnoredAndSpecialTargets) {
  const at::Tensor byte_lengths = at::tensor({int64_t{3}, int64_t{1}, int64_t{0}});
  gpt::BitsPerByte sum;
  EXPECT_TRUE(std::isinf(sum.value()));
  sum.add(at::tensor({1.0, 2.0, 100.0, 1000.0}).view({2, 2}),
          at::tensor({int64_t{0}, int64_t{1}, int64_t{2}, int64_t{-1}}).view({2, 2}), byte_lengths);
  EXPECT_EQ(sum.bytes, 4);
  EXPECT_DOUBLE_EQ(sum.value(), 3 / (std::log(2.0) * 4));
  sum.add(at::tensor({4.0}).view({1, 1}), at::tensor({int64_t{0}}).view({1, 1}), byte_lengths);
  EXPECT_DOUBLE_EQ(sum.value(), 7 / (std::log(2.0) * 7));
}

}  // namespace
}  // namespace tern::test
