// One rank of a small job, for process_group_test: checks what the ranks compute together, or goes wrong in the way
// that it is told to.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <functional>
#include <limits>
#include <map>
#include <vector>

#include "apps/program.h"
#include "base/error.h"
#include "engine/distributed/process_group.h"
#include "engine/optim/gradient_exchange.h"
#include "engine/optim/pretraining_optimizer.h"
#include "kernels/embedding/row_gradients.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

void expect(const testing::AssertionResult& result, const std::string& what) {
  TERN_CHECK(result, what + ": " + result.message());
}

// Values that float32 sums exactly: rank r has (r + 1) times what rank 0 has.
int compute(ProcessGroup& group) {
  const int ranks = group.world_size();
  const auto own = static_cast<float>(group.rank() + 1);
  const float sum = static_cast<float>(ranks * (ranks + 1)) / 2;
  const at::Tensor base = at::arange(1, 3 * ranks * 4 + 1, at::kFloat).reshape({3 * ranks, 4});

  const at::Tensor reduced = base * own;
  group.all_reduce(reduced).wait();
  expect(same(reduced, base * sum), "all_reduce");

  const at::Tensor part = at::zeros({3, 4}, at::kFloat);
  group.reduce_scatter(base * own, part).wait();
  expect(same(part, base.narrow(0, 3 * group.rank(), 3) * sum), "reduce_scatter");

  const at::Tensor whole = at::zeros({3 * ranks, 4}, at::kFloat);
  whole.narrow(0, 3 * group.rank(), 3).copy_(base.narrow(0, 3 * group.rank(), 3));
  group.all_gather(whole.narrow(0, 3 * group.rank(), 3), whole).wait();
  expect(same(whole, base), "all_gather in place");

  const at::Tensor sent = base * own;
  group.broadcast(sent).wait();
  expect(same(sent, base), "broadcast");

  TERN_CHECK((group.sum({1.5, own}) == std::vector<double>{1.5 * ranks, sum}), "sum");
  TERN_CHECK(group.largest(group.rank() == 1 ? 7 : -group.rank()) == 7, "largest");
  for (const std::string text : {"", "a", "ab"}) {
    TERN_CHECK(group.broadcast_text(group.leads() ? text : "other") == text, "broadcast_text");
  }
  group.require_same("same", "text");
  group.barrier();
  return 0;
}

// Shapes that the ranks can and can't share out evenly.
struct Parameters {
  TensorList adamw = {{"even", leaf({48, 32}, 1)}, {"uneven", leaf({37, 32}, 2)}, {"small", leaf({3, 5}, 3)}};
  TensorList matrices = {{"a", leaf({8, 8}, 4)}, {"wide", leaf({8, 12}, 5)}, {"b", leaf({8, 8}, 6)},
                         {"c", leaf({8, 8}, 7)}, {"d", leaf({8, 8}, 8)},     {"e", leaf({8, 8}, 9)}};

  static at::Tensor leaf(at::IntArrayRef sizes, uint64_t seed) {
    return randn(sizes, seed, at::kFloat).set_requires_grad(true);
  }
  [[nodiscard]] MuonAdamW optimizer(Shard shard = {}) const {
    return {{{.parameters = adamw, .lr = 0.1}}, {.parameters = matrices, .lr = 0.02, .recipe = {}}, shard};
  }
};

at::Tensor gradient_of(const at::Tensor& parameter, int rank, uint64_t seed) {
  return randn(parameter.sizes(), 1000 * seed + static_cast<uint64_t>(rank), at::kFloat);
}

// Of an embedding that read two rows, one of them twice, not the same on every rank.
at::Tensor row_gradient_of(const at::Tensor& parameter, int rank, uint64_t seed) {
  const int row = rank % 3;
  const at::Tensor ids = at::tensor({row, 2, row}, at::kLong);
  return kernels::make_row_gradients(ids, gradient_of(parameter, rank, seed).narrow(0, 0, 3), parameter.size(0));
}

// Three steps, each rank with gradients of its own, against one process with their mean.
int exchange(ProcessGroup& group) {
  const Parameters shared, alone;
  MuonAdamW optimizer = shared.optimizer({group.rank(), group.world_size()}), reference = alone.optimizer();
  GradientExchange exchange(group, optimizer.units());
  const MuonAdamWStep step{.lr_multiplier = 0.5, .muon_momentum = 0.9, .muon_weight_decay = 0.1};
  // Two terms have one sum; of three, the order matters.
  const double relative = group.world_size() == 2 ? 0 : 1e-4;
  for (uint64_t round = 1; round <= 3; ++round) {
    for (size_t i = 0; i < optimizer.parameters().size(); ++i) {
      const at::Tensor mine = optimizer.parameters()[i].second, whole = reference.parameters()[i].second;
      const uint64_t seed = 100 * round + i;
      const auto gradient = round == 2 && i < shared.adamw.size() ? row_gradient_of : gradient_of;
      at::Tensor sum = kernels::dense_gradient(gradient(whole, 0, seed));
      for (int rank = 1; rank < group.world_size(); ++rank) sum.add_(gradient(whole, rank, seed));
      whole.mutable_grad() = sum.mul_(1.0 / group.world_size());
      mine.mutable_grad() = gradient(mine, group.rank(), seed);
    }
    exchange.reduce();
    TERN_CHECK(std::abs(exchange.norm() / reference.grad_norm() - 1) < 1e-6, fmt::format("{}", exchange.norm()));
    optimizer.step(step, [&](size_t unit) { exchange.begin_gather(unit); });
    exchange.finish_gathers();
    reference.step(step);
    for (size_t i = 0; i < optimizer.parameters().size(); ++i) {
      const auto& [name, tensor] = optimizer.parameters()[i];
      expect(close(tensor.detach(), reference.parameters()[i].second.detach(), relative, relative / 10), name);
    }
    optimizer.zero_grad();
  }
  return 0;
}

// A rank's gradients by parameter: those of the later ranks are above the norm of 1 that clipping allows, all by
// different factors, those of the first are not.
std::vector<at::Tensor> gradients_of(const TensorList& parameters, int rank, uint64_t round) {
  std::vector<at::Tensor> gradients;
  for (size_t i = 0; i < parameters.size(); ++i) {
    gradients.push_back(gradient_of(parameters[i].second, rank, 100 * round + i) * (rank == 0 ? 1e-3 : rank));
  }
  return gradients;
}

double norm_of(const std::vector<at::Tensor>& gradients) {
  double squares = 0;
  for (const at::Tensor& gradient : gradients) squares += gradient.to(at::kDouble).square().sum().item<double>();
  return std::sqrt(squares);
}

// Three steps in which each rank clips its own gradients to 1 before they are averaged, against one process that does
// all of that by itself, as torch.nn.utils.clip_grad_norm_ has it.
int clip(ProcessGroup& group) {
  const Parameters shared, alone;
  PretrainingSchedule schedule{.num_iterations = 3, .warmup_steps = 0, .grad_clip = 1, .clip_before_mean = true};
  PretrainingOptimizer optimizer(shared.optimizer({group.rank(), group.world_size()}), schedule, &group);
  schedule.grad_clip = 0;
  PretrainingOptimizer reference(alone.optimizer(), schedule);
  for (uint64_t round = 1; round <= 3; ++round) {
    const TensorList& own = optimizer.parameters();
    const TensorList& whole = reference.parameters();
    for (const auto& [name, tensor] : whole) tensor.mutable_grad() = at::zeros_like(tensor.detach());
    for (int rank = 0; rank < group.world_size(); ++rank) {
      const std::vector<at::Tensor> gradients = gradients_of(whole, rank, round);
      const double norm = norm_of(gradients);
      TERN_CHECK((norm > 1) == (rank > 0), fmt::format("the test's rank {} has norm {}", rank, norm));
      const double share = std::min(1.0, 1 / (norm + 1e-6)) / group.world_size();
      for (size_t i = 0; i < whole.size(); ++i) whole[i].second.mutable_grad().add_(gradients[i], share);
    }
    const std::vector<at::Tensor> mine = gradients_of(own, group.rank(), round);
    for (size_t i = 0; i < own.size(); ++i) own[i].second.mutable_grad() = mine[i];
    optimizer.reduce_gradients();
    TERN_CHECK(std::abs(optimizer.grad_norm() / reference.grad_norm() - 1) < 1e-5,
               fmt::format("{} and {}", optimizer.grad_norm(), reference.grad_norm()));
    optimizer.step(1);
    reference.step(1);
    for (size_t i = 0; i < own.size(); ++i) {
      expect(close(own[i].second.detach(), whole[i].second.detach(), 1e-4, 1e-5), own[i].first);
    }
    optimizer.zero_grad();
  }
  return 0;
}

// One rank's gradients are not finite: then the norm isn't on any rank, so that all leave the step out.
int clip_infinite(ProcessGroup& group) {
  const Parameters shared;
  const PretrainingSchedule schedule{.grad_clip = 1, .clip_before_mean = true};
  PretrainingOptimizer optimizer(shared.optimizer({group.rank(), group.world_size()}), schedule, &group);
  const std::vector<at::Tensor> mine = gradients_of(optimizer.parameters(), group.rank(), 1);
  for (size_t i = 0; i < mine.size(); ++i) optimizer.parameters()[i].second.mutable_grad() = mine[i];
  if (group.rank() == 1) mine[0].view({-1})[5].fill_(std::numeric_limits<double>::infinity());
  optimizer.reduce_gradients();
  TERN_CHECK(!std::isfinite(optimizer.grad_norm()), fmt::format("{}", optimizer.grad_norm()));
  return 0;
}

int run(const std::string& scenario) {
  ProcessGroup group(read_process_environment(), at::kCPU);
  const bool culprit = group.rank() == 1;
  const std::map<std::string, std::function<int()>> scenarios = {
      {"compute", [&] { return compute(group); }},
      {"exchange", [&] { return exchange(group); }},
      {"clip", [&] { return clip(group); }},
      {"clip_infinite", [&] { return clip_infinite(group); }},
      {"differ", [&] { return group.require_same(culprit ? "b" : "a", "configuration"), 0; }},
      {"fail",
       [&] {
         if (culprit) throw Error(ErrorKind::data, "row 7 is damaged", "shard_00003.parquet");
         return group.barrier(), 0;
       }},
      {"signal", [&] { return culprit ? ::raise(SIGKILL) : (group.barrier(), 0); }},
      {"stall", [&] { return culprit ? ::raise(SIGSTOP) : (group.barrier(), 0); }},
  };
  return group.run(scenarios.at(scenario));
}

}  // namespace
}  // namespace tern::test

int main(int, char** argv) {
  return tern::run_program([&] { return tern::test::run(argv[1]); });
}
