// Attention with CUDA tensors: the fused kernels, what they leave to other paths, and what a refused launch says.
#include "base/error.h"
#include "kernels/attention/attention.h"
#include "kernels/attention/attention_cuda.h"
#include "kernels/common/cuda_device.h"
#include "kernels/common/log_once.h"
#include "tests/kernels/cuda_dispatch.h"

namespace tern::test {
namespace {

kernels::CudaDevice a100() {
  return {80, 108};
}

class CudaAttention : public CudaDispatch {};

// bfloat16 weights and results on either side, and another order of the sums.
TEST_F(CudaAttention, FusedAttention) {
  const kernels::CudaRegistration<kernels::CudaDeviceQuery> device({.current = a100, .name = {}});
  const auto turn = [](const kernels::RopeTable& table, const Move& move) {
    return kernels::RopeTable{move(table.cos), move(table.sin), table.direction, table.first_position};
  };
  for (const int64_t head_dim : {64, 128}) {
    // Rotated while they are loaded, the same with a norm, and rotated before.
    for (const auto& [normed, tokens] : {std::pair(false, 70), {true, 70}, {false, 140}}) {
      kernels::AttentionOptions options{.layout = {2, 1, head_dim}, .causal = true, .window_left = 20};
      options.rope = kernels::make_rope_table(tokens + 10, head_dim, 1e4, kernels::RopeDirection::clockwise);
      options.rope.first_position = 3;
      if (normed) options.norm = {1.2, 1e-6};
      const auto qkv = randn({2, tokens, options.layout.width()}, 1, at::kBFloat16);
      const auto dout = randn({2, tokens, 2 * head_dim}, 2, at::kBFloat16);
      for (const bool deterministic : {false, true}) {
        options.deterministic = deterministic;
        expect_same({dout, qkv}, {0x1p-5, 0x1p-4}, [&](const Move& move, Outputs& out) {
          kernels::AttentionOptions moved = options;
          moved.rope = turn(options.rope, move);
          at::Tensor packed = move(qkv.clone());
          const auto forward = kernels::attention_forward_(packed, moved);
          EXPECT_EQ(forward.backend, kernels::AttentionBackend::fused);
          kernels::attention_backward(move(dout), packed, forward, moved, out[1]);
          out[0].copy_(forward.out);
        });
      }
    }
  }
}

// The kernel's instance comes from the launch (Launch tests of tests/cuda and tests/kernels/simt); the rest from here.
TEST_F(CudaAttention, ARefusedAttentionLaunchNamesItsProblem) {
  const kernels::CudaRegistration<kernels::CudaDeviceQuery> device({.current = a100, .name = {}});
  const auto* const real = kernels::registered_cuda_kernels<kernels::AttentionCuda<64>>;
  {
    const kernels::CudaRegistration<kernels::AttentionCuda<64>> refusing(
        {.forward = [](const auto&, const auto&, auto) { throw Error(ErrorKind::usage, "CUDA launch failed"); },
         .backward = real->backward});
    kernels::AttentionOptions options{.layout = {2, 1, 64}, .causal = true, .window_left = 20};
    at::Tensor packed = as_cuda(randn({3, 70, options.layout.width()}, 1, at::kBFloat16));
    expect_usage_error([&] { (void)kernels::attention_forward_(packed, options); },
                       "attention forward (bfloat16, head size 64, 2 heads, 1 key/value heads, 3 x 70 tokens, causal, "
                       "window 20): CUDA launch failed");
  }
  kernels::registered_cuda_kernels<kernels::AttentionCuda<64>> = real;
}

// What the fused kernel lacks goes to the math path here, as there is no FlashAttention for host memory; on a GPU it
// would go to that where it can.
TEST_F(CudaAttention, AttentionThatTheFusedKernelLacksFallsBack) {
  const kernels::CudaRegistration<kernels::CudaDeviceQuery> device({.current = a100, .name = {}});
  std::vector<std::string> lines;
  kernels::set_log_once_sink([&](const std::string& line) { lines.push_back(line); });
  for (const double gain : {0.0, 1.2}) {
    kernels::AttentionOptions options{.layout = {2, 2, 12}};
    options.norm = {gain, 1e-6};
    const auto qkv = randn({1, 9, options.layout.width()}, 1, at::kFloat), dout = randn({1, 9, 24}, 2, at::kFloat);
    expect_same({dout, qkv}, {1e-4, 1e-5}, [&](const Move& move, Outputs& out) {
      at::Tensor packed = move(qkv.clone());
      const auto forward = kernels::attention_forward_(packed, options);
      kernels::attention_backward(move(dout), packed, forward, options, out[1]);
      out[0].copy_(forward.out);
    });
  }
  kernels::set_log_once_sink({});
  EXPECT_EQ(lines, std::vector<std::string>{"attention: fused can't run this (it needs bfloat16), using math"});
}

}  // namespace
}  // namespace tern::test
