// What decoding a token is made of, on the CPU: products of one row with a matrix, and attention of one query to a
// cache. Sizes of nanochat's models of depth 4 (width 256) and 20 (width 1280), weights that are read as out x in.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_weight_int8pack_mm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "bench/kernels/alternate.h"
#include "kernels/decode_attention/decode_attention.h"
#include "kernels/matvec/matvec.h"

namespace tern::bench {
namespace {

struct MatvecCase {
  at::ScalarType type;
  int64_t out, in;
};

// ATen reads the same bytes: float32 and bfloat16 by its linear, int8 by the product that quantised models call, which
// takes rows in bfloat16.
std::function<void()> aten_product(const kernels::MatvecWeight& weight, const at::Tensor& x) {
  if (!weight.scales.defined()) {
    return [values = weight.values, x = x.to(weight.values.scalar_type())] { at::linear(x, values); };
  }
  return [values = weight.values, scales = weight.scales.to(at::kBFloat16), x = x.to(at::kBFloat16)] {
    at::_weight_int8pack_mm(x, values, scales);
  };
}

void matvec(benchmark::State& state, const MatvecCase& c) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({1, c.in}, on(at::kFloat));
  const std::array<kernels::MatvecWeight, 1> weights = {
      kernels::pack_matvec_weight(at::randn({c.out, c.in}, on(at::kFloat)), c.type)};
  at::Tensor y = at::empty({1, c.out}, on(at::kFloat));
  alternate(state, [&] { kernels::matvec(x, weights, y); }, aten_product(weights[0], x),
            {.bytes = static_cast<double>(weights[0].values.nbytes())});
}

struct AttentionCase {
  int64_t heads, length;
};

constexpr int64_t kHeadDim = 128;
constexpr int64_t kPositions = 2048;  // room in the cache

void decode_attention(benchmark::State& state, const AttentionCase& c) {
  const at::NoGradGuard no_grad;
  const double scale = 1 / std::sqrt(static_cast<double>(kHeadDim));
  const at::Tensor q = at::randn({1, c.heads * kHeadDim}, on(at::kFloat));
  const at::Tensor keys = at::randn({1, c.heads, kPositions, kHeadDim}, on(at::kFloat));
  const at::Tensor values = at::randn({1, c.heads, kPositions, kHeadDim}, on(at::kFloat));
  at::Tensor scores = at::empty({1, c.heads, kPositions}, on(at::kFloat));
  at::Tensor out = at::empty({1, c.heads * kHeadDim}, on(at::kFloat));
  const at::Tensor query = q.view({1, c.heads, 1, kHeadDim});
  const at::Tensor seen_keys = keys.narrow(2, 0, c.length), seen_values = values.narrow(2, 0, c.length);
  alternate(
      state, [&] { kernels::decode_attention(q, keys, values, c.length, c.length, scale, scores, out); },
      [&] { at::scaled_dot_product_attention(query, seen_keys, seen_values, {}, 0.0, false, scale); },
      {.bytes = static_cast<double>(2 * c.heads * c.length * kHeadDim) * sizeof(float)});
}

}  // namespace

void add_decoding() {
  if (!device.is_cpu()) return;
  constexpr std::array<std::array<int64_t, 2>, 8> kSizes = {
      {{256, 256}, {1024, 256}, {256, 1024}, {32768, 256}, {1280, 1280}, {5120, 1280}, {1280, 5120}, {32768, 1280}}};
  for (const auto& [dtype, type] :
       {std::pair("float32", at::kFloat), std::pair("bfloat16", at::kBFloat16), std::pair("int8", at::kChar)}) {
    for (const auto& [out, in] : kSizes) {
      add_benchmark(fmt::format("matvec/{}x{}/{}", out, in, dtype),
                    [c = MatvecCase{type, out, in}](benchmark::State& state) { matvec(state, c); });
    }
  }
  for (const int64_t heads : {2, 10}) {
    for (const int64_t length : {64, 256, 1024}) {
      add_benchmark(fmt::format("decode_attention/heads{}/length{}/float32", heads, length),
                    [c = AttentionCase{heads, length}](benchmark::State& state) { decode_attention(state, c); });
    }
  }
}

}  // namespace tern::bench
