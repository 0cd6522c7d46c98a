// An op's call with CUDA tensors beside the same call on the CPU. The GPU is host memory in disguise, the kernels run
// on the emulator.
#pragma once

#include <ATen/ops/empty_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "tests/kernels/cases.h"
#include "tests/support/fake_cuda.h"
#include "tests/support/tensors.h"

namespace tern::test {

class CudaDispatch : public testing::Test {
 protected:
  static void SetUpTestSuite() { install_fake_cuda(); }
};

// Runs f with an output per given tensor, on the CPU and as CUDA tensors, and compares them. Outputs start as NaN.
using Outputs = std::vector<at::Tensor>;
using Move = std::function<at::Tensor(const at::Tensor&)>;

inline void expect_same(const Outputs& like, Tolerance tolerance, const std::function<void(const Move&, Outputs&)>& f) {
  const auto room = [&] {
    Outputs out;
    for (const at::Tensor& one : like) out.push_back(at::empty_like(one).fill_(std::nan("")));
    return out;
  };
  Outputs on_cpu = room(), host = room(), on_cuda;
  for (const at::Tensor& one : host) on_cuda.push_back(as_cuda(one));
  f([](const at::Tensor& tensor) { return tensor; }, on_cpu);
  f([](const at::Tensor& tensor) { return as_cuda(tensor); }, on_cuda);
  for (size_t i = 0; i < like.size(); ++i) {
    EXPECT_TRUE(close(host[i], on_cpu[i], tolerance.relative, tolerance.absolute)) << "output " << i;
  }
}

// One rounding to the dtype on either side, and a few of float32.
inline Tolerance rounding(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? Tolerance{0x1p-7, 0x1p-9} : Tolerance{0x1p-20, 0x1p-20};
}

}  // namespace tern::test
