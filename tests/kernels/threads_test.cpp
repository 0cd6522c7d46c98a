// The contracts say that results do not depend on the number of threads, bit for bit (attention: for a fixed number).
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "kernels/adam_atan2/adam_atan2.h"
#include "kernels/adam_atan2/adam_atan2_cpu.h"
#include "kernels/adamw/adamw.h"
#include "kernels/attention/attention.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/decode_attention/decode_attention.h"
#include "kernels/matvec/matvec.h"
#include "kernels/relu_squared/relu_squared.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/sign_sgd/sign_sgd.h"
#include "kernels/swiglu/swiglu.h"
#include "tests/kernels/adam_cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using Results = std::vector<at::Tensor>;

#if defined(TERN_THREADED_KERNELS)
constexpr bool kThreadedKernels = true;
#else
constexpr bool kThreadedKernels = false;
#endif

// Every op but attention on inputs large enough to be split.
Results run_all() {
  const auto x = randn({301, 512}, 1, at::kFloat), dy = randn({301, 512}, 2, at::kFloat);
  at::Tensor y, rstd, dx, d_sum, gated, d_x, squared, d_squared, d_logits, weights = randn({50, 512}, 3, at::kFloat);
  kernels::rms_norm_residual_forward(x, dy, 1e-5, y, rstd);
  kernels::rms_norm_backward(dy, y, rstd, dx);
  kernels::rms_norm_residual_backward(dy, x, y, rstd, d_sum);
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
  Results results{y,        rstd, dx,      d_sum,
                  gated,    d_x,  squared, d_squared,
                  d_logits, loss, weights, kernels::rope_qkv(randn({1, 301, 192}, 6, at::kFloat), {1, 1, 64}, angles)};
  at::Tensor products, scores = at::empty({2, 8, 200}, at::kFloat), attended = at::empty({2, 512}, at::kFloat);
  kernels::matvec(x.narrow(0, 0, 2), {{kernels::pack_matvec_weight(randn({301, 512}, 7, at::kFloat), at::kChar)}},
                  products);
  kernels::decode_attention(x.narrow(0, 0, 2), randn({2, 8, 200, 64}, 8, at::kFloat),
                            randn({2, 8, 200, 64}, 9, at::kFloat), 190, 180, 0.1, scores, attended);
  results.push_back(products);
  results.push_back(attended);
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

std::set<std::thread::id> workers;
std::mutex workers_mutex;

void note_worker(float*, int64_t) {
  const std::lock_guard lock(workers_mutex);
  workers.insert(std::this_thread::get_id());
}

// One of the kernels, whose call back tells where it runs; all are built alike.
TEST_F(Threads, AllTakePart) {
  if (!kThreadedKernels) GTEST_SKIP() << "a build without OpenMP";
  const auto tensors = adam_tensors(at::kFloat, false, false);
  const auto chunk = kernels::adam_chunks<float>(tensors).at(0);
  const std::vector<kernels::AdamChunk<float>> chunks(
      64, {chunk.param, chunk.grad, chunk.exp_avg, chunk.exp_avg_sq, nullptr, nullptr, 0});
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    workers.clear();
    kernels::with_cpu_level([&]<kernels::CpuLevel level>() {
      kernels::adam_atan2_cpu<level>(chunks.data(), 64, kernels::adam_coefficients({.step = 1}), note_worker);
    });
    EXPECT_EQ(workers.size(), static_cast<size_t>(threads));
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
