// From an op's call with CUDA tensors to its kernel: checks, device, stream and the order of the launcher's arguments.
// The kernels are those of <op>_cuda.cu, compiled for the emulator, and have to agree with the CPU kernels.
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/adam_atan2/adam_atan2.h"
#include "kernels/adamw/adamw.h"
#include "kernels/common/check.h"
#include "kernels/common/cuda_dispatch.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/linear_cross_entropy/linear_cross_entropy.h"
#include "kernels/post_norm/post_norm.h"
#include "kernels/relu_squared/relu_squared.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/sign_sgd/sign_sgd.h"
#include "kernels/swiglu/swiglu.h"
#include "tests/kernels/cuda_dispatch.h"

namespace tern::test {
namespace {

TEST_F(CudaDispatch, RmsNorm) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto x = randn({5, 24}, 1, dtype), residual = randn({5, 24}, 2, dtype), dy = randn({5, 24}, 3, dtype);
    const auto y = randn({5, 24}, 4, dtype), rstd = randn({5}, 5, at::kFloat).abs();
    expect_same({x, rstd}, rounding(dtype), [&](const Move& move, Outputs& out) {
      kernels::rms_norm_residual_forward(move(x), move(residual), 1e-5, out[0], out[1]);
    });
    expect_same({x, rstd}, rounding(dtype),
                [&](const Move& move, Outputs& out) { kernels::rms_norm_forward(move(x), 1e-5, out[0], out[1]); });
    expect_same({x}, rounding(dtype), [&](const Move& move, Outputs& out) {
      kernels::rms_norm_backward(move(dy), move(y), move(rstd), out[0]);
    });
    expect_same({x}, rounding(dtype), [&](const Move& move, Outputs& out) {
      kernels::rms_norm_residual_backward(move(dy), move(x), move(y), move(rstd), out[0]);
    });
  }
}

// On a GPU it is RMSNorm's kernel and keeps y; on the CPU the sum, rounded to bfloat16 before it is normalised.
TEST_F(CudaDispatch, PostNorm) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto x = randn({5, 24}, 1, dtype), residual = randn({5, 24}, 2, dtype);
    const auto dy = randn({5, 24}, 3, dtype), more = randn({5, 24}, 4, dtype);
    const Tolerance tolerance = dtype == at::kBFloat16 ? Tolerance{0x1p-6, 0x1p-5} : rounding(dtype);
    for (const auto& second : {at::Tensor(), more}) {
      expect_same({x, x, x}, tolerance, [&](const Move& move, Outputs& out) {
        at::Tensor kept = move(residual.clone()), rstd;
        out[0].copy_(kernels::post_norm_forward_(move(x), kept, 1e-5, 0, rstd));
        out[1].copy_(kernels::post_norm_output(kept, rstd));
        kernels::post_norm_backward(move(dy), second.defined() ? move(second) : second, kept, rstd, 0, out[2]);
      });
    }
    // The kernel's own results, with its one rounding: no ATen operation comes between.
    at::Tensor kept = as_cuda(residual.clone()), rstd, y = as_cuda(residual.clone()), expected_rstd;
    const at::Tensor out = kernels::post_norm_forward_(as_cuda(x), kept, 1e-5, 0, rstd);
    kernels::rms_norm_residual_forward(as_cuda(x), as_cuda(residual), 1e-5, y, expected_rstd);
    EXPECT_TRUE(out.is_same(kept));
    EXPECT_TRUE(same(out.cpu(), y.cpu()));
    EXPECT_TRUE(same(rstd.cpu(), expected_rstd.cpu()));
  }
}

TEST_F(CudaDispatch, Swiglu) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto gate_up = randn({2, 3, 32}, 1, dtype), dout = randn({2, 3, 16}, 2, dtype);
    expect_same({dout}, rounding(dtype),
                [&](const Move& move, Outputs& out) { kernels::swiglu_forward(move(gate_up), out[0]); });
    expect_same({gate_up}, rounding(dtype),
                [&](const Move& move, Outputs& out) { kernels::swiglu_backward(move(dout), move(gate_up), out[0]); });
    expect_same({gate_up, dout}, rounding(dtype), [&](const Move& move, Outputs& out) {
      kernels::swiglu_backward_recompute(move(dout), move(gate_up), out[0], out[1]);
    });
  }
}

TEST_F(CudaDispatch, ReluSquared) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto x = randn({7, 11}, 1, dtype), dout = randn({7, 11}, 2, dtype);
    expect_same({x}, rounding(dtype),
                [&](const Move& move, Outputs& out) { kernels::relu_squared_forward(move(x), out[0]); });
    expect_same({x}, rounding(dtype),
                [&](const Move& move, Outputs& out) { kernels::relu_squared_backward(move(dout), move(x), out[0]); });
  }
}

// Two parameters, the second with EMA and shadow; every value differs, so that no pointer can be mistaken.
void step_both(const std::function<void(std::span<const kernels::AdamTensor>)>& step) {
  Outputs results[2];
  for (const bool cuda : {false, true}) {
    std::vector<kernels::AdamTensor> tensors;
    for (int i = 0; i < 2; ++i) {
      const auto values = [&](unsigned seed) {
        return randn({3, 5}, 10 * static_cast<unsigned>(i) + seed, at::kFloat);
      };
      kernels::AdamTensor one{values(1), values(2), values(3), values(4).abs()};
      if (i == 1) {
        one.ema = values(5);
        one.shadow = values(6).to(at::kBFloat16);
      }
      for (at::Tensor* field : {&one.param, &one.grad, &one.exp_avg, &one.exp_avg_sq, &one.ema, &one.shadow}) {
        if (!field->defined()) continue;
        results[cuda].push_back(*field);
        if (cuda) *field = as_cuda(*field);
      }
      tensors.push_back(one);
    }
    step(tensors);
  }
  for (size_t i = 0; i < results[0].size(); ++i) {
    const Tolerance tolerance = rounding(results[0][i].scalar_type());
    EXPECT_TRUE(close(results[1][i], results[0][i], tolerance.relative, tolerance.absolute)) << "tensor " << i;
  }
}

constexpr kernels::AdamOptions kAdam{
    .lr = 0.1, .beta1 = 0.9, .beta2 = 0.95, .weight_decay = 0.1, .step = 3, .ema_decay = 0.7};

TEST_F(CudaDispatch, AdamATan2) {
  step_both([](std::span<const kernels::AdamTensor> tensors) { kernels::adam_atan2_step(tensors, kAdam); });
}

TEST_F(CudaDispatch, AdamW) {
  step_both([](std::span<const kernels::AdamTensor> tensors) { kernels::adamw_step(tensors, kAdam, 0.25); });
}

TEST_F(CudaDispatch, Rope) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const kernels::QkvLayout layout{3, 1, 16};
    const auto qkv = randn({2, 5, layout.width()}, 1, dtype);
    for (const auto direction : {kernels::RopeDirection::clockwise, kernels::RopeDirection::counter_clockwise}) {
      kernels::RopeTable table = kernels::make_rope_table(9, 16, 100, direction);
      table.first_position = 2;
      expect_same({qkv}, rounding(dtype), [&](const Move& move, Outputs& out) {
        out[0].copy_(move(qkv));
        kernels::rope_qkv_(out[0], layout, {move(table.cos), move(table.sin), direction, 2});
      });
    }
  }
}

TEST_F(CudaDispatch, CrossEntropy) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto logits = randn({3, 7, 20}, 1, dtype);
    const auto labels = randn({3, 7}, 2, at::kDouble).mul(5).abs().floor().clamp_max(11).to(at::kInt);
    labels.select(0, 1).fill_(-100);
    const auto row_grad = randn({3, 7}, 3, at::kFloat), counts = labels.select(1, 0).to(at::kDouble);
    for (const auto kind : {kernels::CrossEntropyKind::softmax, kernels::CrossEntropyKind::stablemax}) {
      const kernels::CrossEntropyOptions options{.kind = kind, .ignore_index = -100, .softcap = 3, .vocab = 12};
      expect_same({row_grad, row_grad, counts, counts, logits}, rounding(dtype), [&](const Move& move, Outputs& out) {
        const auto result =
            kernels::cross_entropy_forward_backward(move(logits), move(labels), move(row_grad), options, out[4]);
        out[0].copy_(result.loss);
        out[1].copy_(result.argmax);
        out[2].copy_(result.valid_count);
        out[3].copy_(result.correct_count);
      });
      const auto hidden = randn({3, 7, 8}, 4, dtype), weight = randn({20, 8}, 5, dtype);
      expect_same({row_grad, hidden, weight}, {0x1p-5, 0x1p-5}, [&](const Move& move, Outputs& out) {
        const auto result = kernels::linear_cross_entropy_forward_backward(move(hidden), move(weight), move(labels),
                                                                           move(row_grad), options, out[1], out[2]);
        out[0].copy_(result.loss);
      });
    }
  }
}

// The weight's gradient over 32 chunks, rounded once on either side: float32 sums in another order may fall on the
// other side of a rounding boundary, one bfloat16 step away. Rounding once per chunk would be many steps away where the
// chunks cancel.
TEST_F(CudaDispatch, LinearCrossEntropyInManyChunks) {
  const auto hidden = randn({128, 8}, 1, at::kBFloat16), weight = randn({16, 8}, 2, at::kBFloat16);
  const auto labels = at::zeros({128}, at::kLong), row_weight = at::full({128}, 1.0 / 128, at::kFloat);
  constexpr int64_t kFourRows = 4 * 16 * 2;
  expect_same({hidden, weight}, {0x1p-7, 0x1p-20}, [&](const Move& move, Outputs& out) {
    static_cast<void>(kernels::linear_cross_entropy_forward_backward(move(hidden), move(weight), move(labels),
                                                                     move(row_weight), {}, out[0], out[1], kFourRows));
  });
}

TEST_F(CudaDispatch, SparseSignSgd) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto weights = randn({6, 8}, 1, at::kFloat), grads = randn({4, 8}, 2, dtype);
    const auto ids = at::tensor({5, 2, 5, 0}, at::kInt);
    expect_same({weights}, rounding(at::kFloat), [&](const Move& move, Outputs& out) {
      out[0].copy_(move(weights));
      kernels::sign_sgd_sparse_step(out[0], move(grads), move(ids), 0.5, 0.25);
    });
    at::Tensor on_cuda = as_cuda(weights);
    expect_usage_error(
        [&] {
          kernels::sign_sgd_sparse_step(on_cuda, as_cuda(grads), as_cuda(at::tensor({5, 2, 6, 0})), 0.5, 0.25);
        },
        "[sign_sgd] ids must be in 0..5, got ids[2] = 6");
  }
}

TEST_F(CudaDispatch, WorksOnTheTensorsDeviceAndItsCurrentStream) {
  const auto tensor = as_cuda(at::zeros({2}), 1);
  EXPECT_EQ(fake_current_device(), 0);
  {
    const kernels::CudaScope scope(tensor);
    EXPECT_EQ(fake_current_device(), 1);
    EXPECT_EQ(static_cast<void*>(scope.stream()), fake_stream_handle(1));
  }
  EXPECT_EQ(fake_current_device(), 0);
}

TEST_F(CudaDispatch, ChecksComeBeforeTheLaunch) {
  const auto x = at::zeros({2, 8});
  at::Tensor y = as_cuda(x), rstd = as_cuda(at::zeros({2}));
  const auto forward = [&](const at::Tensor& input, const at::Tensor& residual) {
    return [&, input, residual] { kernels::rms_norm_residual_forward(input, residual, 1e-5, y, rstd); };
  };
  expect_usage_error(forward(as_cuda(x), x), "[rms_norm] residual must be on the device of x (cuda:0), got cpu");
  expect_usage_error(forward(as_cuda(x), as_cuda(x, 1)),
                     "[rms_norm] residual must be on the device of x (cuda:0), got cuda:1");
  const auto wide = as_cuda(x.to(at::kDouble));
  expect_usage_error(forward(wide, wide), "[rms_norm] x must be of dtype float32 or bfloat16 on a GPU, got float64");
  const auto long_rows = as_cuda(at::zeros({1, 8193}));
  expect_usage_error(forward(long_rows, long_rows),
                     "[rms_norm] x must be of last dimension 8192 at most on a GPU, got shape [1, 8193]");
  expect_usage_error(forward(as_cuda(x.t()), as_cuda(x.t())), "[rms_norm] x must be contiguous, got strides [1, 8]");
  const kernels::CrossEntropyOptions in_float64{.float64_loss = true};
  expect_usage_error(
      [&] { (void)kernels::cross_entropy_forward(as_cuda(x), as_cuda(at::zeros({2}, at::kInt)), in_float64); },
      "[cross_entropy] logits must be on the CPU, for float64_loss, got on a GPU");

  std::vector<kernels::AdamTensor> tensors;
  for (const int device : {0, 1}) {
    const auto z = [&] { return as_cuda(at::zeros({2}), device); };
    tensors.push_back({z(), z(), z(), z()});
  }
  expect_usage_error([&] { kernels::adam_atan2_step(tensors, kAdam); },
                     "[adam_atan2] tensors[1].param must be on the device of tensors[0].param (cuda:0), got cuda:1");
}

// The disguise shows the mistake that it is there to find.
TEST_F(CudaDispatch, TensorsOnDifferentDevicesDontMix) {
  const auto x = at::zeros({2, 3});
  EXPECT_THROW(as_cuda(x).add(x), c10::Error);
  EXPECT_EQ(as_cuda(x).add(as_cuda(x)).device(), at::Device(at::kCUDA, 0));
}

struct NoSuchKernels {};

TEST_F(CudaDispatch, AnOpWithoutCudaKernelsSaysSo) {
  expect_usage_error([] { kernels::cuda_kernels<NoSuchKernels>("some_op"); },
                     "[some_op] has no CUDA kernel in this build, use device=cpu, or the build of the cuda preset");
  const NoSuchKernels some;
  {
    const kernels::CudaRegistration<NoSuchKernels> registration(some);
    kernels::cuda_kernels<NoSuchKernels>("some_op");
  }
  EXPECT_THROW(kernels::cuda_kernels<NoSuchKernels>("some_op"), Error);
}

}  // namespace
}  // namespace tern::test
