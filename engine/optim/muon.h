// Muon's update of weight matrices, step by step, each step a function on a stack of matrices of one shape [K, M, N].
//
//   momentum        Nesterov's look-ahead (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/)
//   equilibrate     every row to the mean row norm (MuonEq, arXiv 2603.28254)
//   orthogonalize   the nearest (semi-)orthogonal matrix, almost: Polar Express (Amsel et al. 2025, arXiv 2505.16932)
//                   or the quintic Newton-Schulz iteration (Jordan et al. 2024)
//   renormalize     the Frobenius norm of an exactly orthogonal matrix, sqrt(min(M, N)) (Muon+, arXiv 2602.21545)
//   reduce_variance rows (or columns) divided by a running root mean square, norm kept (NorMuon, arXiv 2510.05491)
//   apply           p <- p - lr u - lr wd p where u and p have one sign: cautious weight decay (arXiv 2510.12402)
//
// Sums and norms are float32; the iterations run in float32, or in bfloat16 where that is asked for (GPUs).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tern::muon {

enum class Orthogonalization { polar_express, newton_schulz };

// The steps that are not always there.
struct Recipe {
  Orthogonalization orthogonalization = Orthogonalization::polar_express;
  int64_t iterations = 5;  // Polar Express has coefficients for up to 5
  bool equilibrate = true;
  bool renormalize = true;
  bool reduce_variance = true;
  bool bfloat16 = false;  // the iterations
};

// buffer <- momentum * buffer + (1 - momentum) * gradient; returns (1 - momentum) * gradient + momentum * buffer.
[[nodiscard]] at::Tensor momentum(const at::Tensor& gradient, at::Tensor& buffer, double momentum);

[[nodiscard]] at::Tensor equilibrate(const at::Tensor& x);

// Singular values in (0, 1] are driven to 1; x is scaled so that they are. steps <= 5.
[[nodiscard]] at::Tensor polar_express(const at::Tensor& x, int64_t steps);

// Singular values end in about 0.7 to 1.2.
[[nodiscard]] at::Tensor newton_schulz(const at::Tensor& x, int64_t steps);

[[nodiscard]] at::Tensor renormalize(const at::Tensor& x);

// Shape of the running mean square that reduce_variance keeps: one number per row, [K, M, 1], or, for wide matrices,
// per column, [K, 1, N].
[[nodiscard]] at::DimVector second_moment_sizes(at::IntArrayRef stack);
[[nodiscard]] at::Tensor reduce_variance(const at::Tensor& x, at::Tensor& second_moment, double beta2);

// Parameters in place, [K, M, N].
void apply(at::Tensor& parameters, const at::Tensor& update, double lr, double weight_decay);

// Factor on the learning rate that makes updates of tall matrices as large, entry by entry, as those of square ones:
// sqrt(max(1, rows / columns)).
[[nodiscard]] double shape_factor(int64_t rows, int64_t columns);

}  // namespace tern::muon
