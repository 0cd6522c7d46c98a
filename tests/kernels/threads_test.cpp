// The contracts say that results do not depend on the number of threads, bit for bit (attention: for a fixed number).
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernels/adam_atan2/adam_atan2.h"
#include "kernels/adamw/adamw.h"
#include "kernels/attention/attention.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/relu_squared/relu_squared.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/sign_sgd/sign_sgd.h"
#include "kernels/swiglu/swiglu.h"
#include "tests/kernels/adam_cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using Results = std::vector<at::Tensor>;

// Every op but attention on inputs large enough to be split.
Results run_all() {
  const auto x = randn({301, 512}, 1, at::kFloat), dy = randn({301, 512}, 2, at::kFloat);
  at::Tensor y, rstd, dx, gated, d_x, squared, d_squared, d_logits, weights = randn({50, 512}, 3, at::kFloat);
  kernels::rms_norm_residual_forward(x, dy, 1e-5, y, rstd);
  kernels::rms_norm_backward(dy, y, rstd, dx);
  kernels::swiglu_forward(x, gated);
  kernels::swiglu_backward(randn({301, 256}, 4, at::kFloat), x, d_x);
  kernels::relu_squared_forward(x, squared);
  kernels::relu_squared_backward(dy, x, d_squared);
  at::Tensor labels = at::empty({301}, at::kLong);
  for (int64_t i = 0; i < 301; ++i) labels[i] = i * 5 % 512;
  const auto loss = kernels::cross_entropy_forward_backward(x, labels, randn({301}, 5, at::kFloat), {}, d_logits).loss;
  at::Tensor ids = at::empty({301}, at::kLong);
  for (int64_t i = 0; i < 301; ++i) ids[i] = i * 7 % 50;
  kernels::sign_sgd_sparse_step(weights, dy, ids, 0.1, 0.1);
  const auto angles = kernels::make_rope_table(301, 64, 10000);
  Results results{y,
                  rstd,
                  dx,
                  gated,
                  d_x,
                  squared,
                  d_squared,
                  d_logits,
                  loss,
                  weights,
                  kernels::rope_qkv(randn({1, 301, 192}, 6, at::kFloat), {1, 1, 64}, angles)};
  auto tensors = adam_tensors(at::kFloat, true, true);
  const kernels::AdamOptions options{.lr = 0.1, .weight_decay = 0.1, .step = 2};
  kernels::adam_atan2_step(tensors, options);
  kernels::adamw_step(tensors, options, 1e-8);
  for (const auto& tensor : tensors) results.push_back(tensor.param);
  return results;
}

class Threads : public testing::Test {
 protected:
  ~Threads() override { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

TEST_F(Threads, DoNotChangeResults) {
  at::set_num_threads(1);
  const Results expected = run_all();
  for (int threads : {2, 3, 7}) {
    at::set_num_threads(threads);
    const Results results = run_all();
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(same(results[i], expected[i])) << threads << ", " << i;
  }
}

TEST_F(Threads, AttentionRepeatsItselfForAFixedNumber) {
  kernels::AttentionOptions options{.layout = {4, 2, 64}, .causal = true};
  options.rope = kernels::make_rope_table(300, 64, 10000);
  const auto run = [&] {
    at::Tensor qkv = randn({2, 300, options.layout.width()}, 1, at::kFloat), d_qkv;
    const auto forward = kernels::attention_forward_(qkv, options);
    kernels::attention_backward(randn({2, 300, 256}, 2, at::kFloat), qkv, forward, options, d_qkv);
    return Results{forward.out, forward.lse, d_qkv};
  };
  for (int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    const Results first = run(), second = run();
    for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(same(second[i], first[i])) << threads << ", " << i;
  }
}

}  // namespace
}  // namespace tern::test
