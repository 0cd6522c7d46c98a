// Peak memory and time of one forward and backward pass through output projection and cross entropy (1024 tokens, width
// 768, vocabulary 32768, float32): the chunked op and plain ATen, each in a process of its own. Prints one JSON object.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>

#include "kernels/linear_cross_entropy/linear_cross_entropy.h"

namespace tern::bench {
namespace {

constexpr int64_t kTokens = 1024, kWidth = 768, kVocab = 32768;

struct Measured {
  double peak_mb;  // above what the inputs and the libraries take
  double seconds;
};

double resident_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// In a child process: gradients of the mean loss with respect to hidden states and weights.
Measured measure(const std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&)>& loss) {
  int channel[2];
  if (pipe(channel) != 0) std::abort();
  if (fork() == 0) {
    const at::Tensor hidden = at::randn({kTokens, kWidth}).set_requires_grad(true);
    const at::Tensor weight = at::randn({kVocab, kWidth}).set_requires_grad(true);
    const at::Tensor labels = at::randint(kVocab, {kTokens}, at::kLong);
    const double before = resident_mb();
    const auto start = std::chrono::steady_clock::now();
    loss(hidden, weight, labels).backward();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const Measured measured{peak_mb() - before, took.count()};
    const bool written = write(channel[1], &measured, sizeof measured) == sizeof measured;
    _exit(written ? 0 : 1);
  }
  Measured measured{};
  const bool was_read = read(channel[0], &measured, sizeof measured) == sizeof measured;
  int status = 0;
  wait(&status);
  if (!was_read || status != 0) std::abort();
  return measured;
}

at::Tensor fused(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& labels) {
  const at::Tensor row_weight = at::full({kTokens}, 1.0 / kTokens);
  return kernels::linear_cross_entropy(hidden, weight, labels, row_weight, {}).total;
}

at::Tensor aten(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& labels) {
  return at::cross_entropy_loss(at::matmul(hidden, weight.t()), labels);
}

}  // namespace
}  // namespace tern::bench

int main() {
  const auto fused = tern::bench::measure(tern::bench::fused);
  const auto aten = tern::bench::measure(tern::bench::aten);
  std::printf(
      "{\"fused_peak_mb\": %.1f, \"aten_peak_mb\": %.1f, \"memory_ratio\": %.3f, \"fused_s\": %.3f, \"aten_s\": "
      "%.3f}\n",
      fused.peak_mb, aten.peak_mb, fused.peak_mb / aten.peak_mb, fused.seconds, aten.seconds);
}
