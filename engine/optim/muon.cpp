#include "engine/optim/muon.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/error.h"

namespace tern::muon {

namespace {

// x <- a x + (b A + c A^2) x with A = x x^T: an odd polynomial of the singular values.
struct Quintic {
  double a, b, c;
};

// Computed by the paper's algorithm for 5 steps, safety factor 2e-2, cushion 2.
constexpr std::array<Quintic, 5> kPolarExpress = {{
    {8.156554524902461, -22.48329292557795, 15.878769915207462},
    {4.042929935166739, -2.808917465908714, 0.5000178451051316},
    {3.8916678022926607, -2.772484153217685, 0.5060648178503393},
    {3.285753657755655, -2.3681294933425376, 0.46449024233003106},
    {2.3465413258596377, -1.7097828382687081, 0.42323551169305323},
}};

constexpr Quintic kNewtonSchulz = {3.4445, -4.7750, 2.0315};

at::Tensor frobenius(const at::Tensor& x) {
  return x.to(at::kFloat).norm(2, {-2, -1}, /*keepdim=*/true);
}

// The products are formed on the shorter side.
at::Tensor iterate(at::Tensor x, std::span<const Quintic> steps) {
  const bool tall = x.size(-2) > x.size(-1);
  for (const auto& [a, b, c] : steps) {
    const at::Tensor gram = tall ? at::bmm(x.mT(), x) : at::bmm(x, x.mT());
    const at::Tensor polynomial = at::baddbmm(gram, gram, gram, b, c);
    x = tall ? at::baddbmm(x, x, polynomial, a) : at::baddbmm(x, polynomial, x, a);
  }
  return x;
}

}  // namespace

at::Tensor momentum(const at::Tensor& gradient, at::Tensor& buffer, double momentum) {
  buffer.lerp_(gradient, 1 - momentum);
  return gradient.lerp(buffer, momentum);
}

at::Tensor equilibrate(const at::Tensor& x) {
  const at::Tensor row_norm = x.to(at::kFloat).norm(2, {-1}, /*keepdim=*/true).clamp_min(1e-6);
  const at::Tensor target = frobenius(x) / std::sqrt(static_cast<double>(x.size(-2)));
  return x * (target / row_norm).to(x.scalar_type());
}

at::Tensor polar_express(const at::Tensor& x, int64_t steps) {
  TERN_CHECK(steps >= 0 && steps <= static_cast<int64_t>(kPolarExpress.size()), std::to_string(steps) + " steps");
  // The margin keeps rounding from lifting a singular value above 1, where the polynomials diverge.
  const at::Tensor scaled = x / (frobenius(x) * 1.01 + 1e-6).to(x.scalar_type());
  return iterate(scaled, std::span(kPolarExpress).first(static_cast<size_t>(steps)));
}

at::Tensor newton_schulz(const at::Tensor& x, int64_t steps) {
  at::Tensor y = x / (frobenius(x) + 1e-7).to(x.scalar_type());
  for (int64_t i = 0; i < steps; ++i) y = iterate(y, std::span(&kNewtonSchulz, 1));
  return y;
}

at::Tensor renormalize(const at::Tensor& x) {
  const double target = std::sqrt(static_cast<double>(std::min(x.size(-2), x.size(-1))));
  return x * (target / frobenius(x).clamp_min(1e-6)).to(x.scalar_type());
}

at::DimVector second_moment_sizes(at::IntArrayRef stack) {
  if (stack[1] >= stack[2]) return {stack[0], stack[1], 1};
  return {stack[0], 1, stack[2]};
}

at::Tensor reduce_variance(const at::Tensor& x, at::Tensor& second_moment, double beta2) {
  const int64_t reduced = x.size(-2) >= x.size(-1) ? -1 : -2;
  const auto count = static_cast<double>(x.size(reduced));
  const at::Tensor mean_square = x.to(at::kFloat).square().mean({reduced}, /*keepdim=*/true);
  second_moment.lerp_(mean_square.to(second_moment.scalar_type()), 1 - beta2);
  const at::Tensor scale = second_moment.clamp_min(1e-10).rsqrt().to(at::kFloat);
  // What the norm is and would become, from the sums that are there already.
  const auto norm_of = [&](const at::Tensor& squares) { return (squares * count).sum({-2, -1}, true).sqrt(); };
  const at::Tensor before = norm_of(mean_square), after = norm_of(mean_square * scale.square());
  return x * (scale * (before / after.clamp_min(1e-10))).to(x.scalar_type());
}

void apply(at::Tensor& parameters, const at::Tensor& update, double lr, double weight_decay) {
  if (weight_decay != 0) {
    const at::Tensor same_sign = (update * parameters).ge(0);
    parameters.sub_(parameters * same_sign, lr * weight_decay);
  }
  parameters.sub_(update, lr);
}

double shape_factor(int64_t rows, int64_t columns) {
  return std::sqrt(std::max(1.0, static_cast<double>(rows) / static_cast<double>(columns)));
}

}  // namespace tern::muon
