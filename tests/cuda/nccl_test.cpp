// The collectives of the GPU backend on a real GPU, in a job of one process: all that one GPU can show.
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros_like.h>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "engine/distributed/collective_backend.h"

namespace tern::test {
namespace {

TEST(Nccl, OneRankGetsItsOwnBack) {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) GTEST_SKIP() << "no GPU here";
  const auto backend = make_nccl(c10::make_intrusive<c10d::HashStore>(), ProcessEnvironment());
  const at::Tensor ours = at::arange(1000, at::device(at::kCUDA).dtype(at::kFloat));

  std::vector<at::Tensor> tensors = {ours.clone()};
  backend->allreduce(tensors)->wait();
  EXPECT_TRUE(tensors[0].equal(ours));
  backend->broadcast(tensors)->wait();
  EXPECT_TRUE(tensors[0].equal(ours));

  at::Tensor input = ours.clone(), output = at::zeros_like(ours);
  backend->_reduce_scatter_base(output, input)->wait();
  EXPECT_TRUE(output.equal(ours));
  output.zero_();
  backend->_allgather_base(output, input)->wait();
  EXPECT_TRUE(output.equal(ours));
}

}  // namespace
}  // namespace tern::test
