// Replays a recorded trace of upstream's TRM and judges it: `trm_parity DIR` with DIR/init.pt, batches.npz, trace.json.
#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <cxxopts.hpp>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/Version.h>

#include "apps/device.h"
#include "apps/program.h"
#include "base/error.h"
#include "base/version.h"
#include "engine/checkpoint/weights.h"
#include "tests/parity/deviation.h"
#include "tests/parity/mkl_vendor.h"
#include "tests/parity/recorded_with.h"
#include "tests/parity/trm_trace.h"

namespace tern {
namespace {

using nlohmann::ordered_json;

// docs: loss and metrics within 1e-5, gradients and weights within 1e-4.
constexpr double kLossTolerance = 1e-5;
constexpr double kGradTolerance = 1e-4;
// Q's losses are small differences of float32 numbers of a logit's size, about 5, which has a unit of 5e-7: allowed are
// two.
constexpr double kMetricFloor = 0.1;

struct Verdict {
  Deviation loss, metrics, grad_norm, weights;
  int threads = 0;                   // of the replay
  int64_t flag_mismatches = 0;       // halted flags and step counters
  std::vector<double> loss_by_step;  // relative deviations: where a trace begins to part

  [[nodiscard]] bool passes() const {
    return loss.largest <= kLossTolerance && metrics.largest <= kLossTolerance && grad_norm.largest <= kGradTolerance &&
           weights.largest <= kGradTolerance && flag_mismatches == 0;
  }
};

void compare_step(Verdict& verdict, const ordered_json& recorded, const trm::ActStep& step, const trm::Loss& loss,
                  trm::Trm& model) {
  const std::string at_step = " at step " + std::to_string(recorded.at("step").get<int64_t>());
  verdict.loss.see(loss.total.item<double>(), recorded.at("loss").get<double>(), "loss" + at_step);
  verdict.loss_by_step.push_back(loss.total.item<double>() / recorded.at("loss").get<double>() - 1);
  const std::map<std::string, double> ours(loss.metrics.begin(), loss.metrics.end());
  for (const auto& [name, value] : recorded.at("metrics").items()) {
    const auto found = ours.find(name);
    verdict.metrics.see(found == ours.end() ? NAN : found->second, value.get<double>(), name + at_step, kMetricFloor);
  }
  std::map<std::string, double> norms;
  for (const auto& [name, tensor] : model.parameters()) norms[name] = l2_norm(tensor.grad());
  if (model.puzzle_embedding().weights.defined()) {
    norms["model.inner.puzzle_emb.local_weights"] = l2_norm(model.puzzle_embedding().local_weights.grad());
  }
  for (const auto& [name, value] : recorded.at("grad_norm").items()) {
    const auto found = norms.find(name);
    verdict.grad_norm.see(found == norms.end() ? NAN : found->second, value.get<double>(), name + at_step);
  }
  for (size_t i = 0; i < recorded.at("halted").size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    verdict.flag_mismatches += step.carry.halted[row].item<bool>() != recorded.at("halted")[i].get<bool>();
    verdict.flag_mismatches += step.carry.steps[row].item<int64_t>() != recorded.at("steps")[i].get<int64_t>();
  }
}

void compare_final(Verdict& verdict, const Trace& trace, const trm::Trm& model) {
  const auto state = model.state();
  const std::map<std::string, at::Tensor> ours(state.begin(), state.end());
  for (const auto& [name, value] : trace.json.at("final_norm").items()) {
    const auto found = ours.find(name);
    verdict.weights.see(found == ours.end() ? NAN : l2_norm(found->second), value.get<double>(), "norm of " + name);
  }
  if (!std::filesystem::exists(trace.folder / "final.pt")) return;
  for (const auto& [name, tensor] : load_weights(trace.folder / "final.pt")) {
    const auto found = ours.find(name);
    const double distance =
        found == ours.end() ? NAN : l2_norm(found->second.cpu().to(at::kDouble) - tensor.to(at::kDouble));
    const double norm = l2_norm(tensor);
    verdict.weights.see(norm + distance, norm, "tensor " + name);
  }
}

Verdict replay(const Trace& trace, at::Device device) {
  TraceTraining training(trace, device);
  Verdict verdict;
  const ordered_json& steps = trace.json.at("trace");
  for (size_t i = 0; i < steps.size(); ++i) {
    auto [step, loss] = training.gradients(read_batch(trace, training.model().config(), i, device));
    compare_step(verdict, steps[i], step, loss, training.model());
    training.update(std::move(step.carry));
  }
  compare_final(verdict, trace, training.model());
  return verdict;
}

// The first verdict that passes, else the last.
Verdict replay_with_threads(const Trace& trace, const std::vector<int>& thread_counts, at::Device device) {
  Verdict verdict;
  for (const int threads : thread_counts) {
    at::set_num_threads(threads);
    verdict = replay(trace, device);
    verdict.threads = threads;
    if (verdict.passes()) break;
  }
  return verdict;
}

int run(int argc, char** argv) {
  cxxopts::Options options("trm_parity",
                           "Replays a recorded training trace and judges it: exit 0 within tolerance. Uses the vector "
                           "instructions (ATEN_CPU_CAPABILITY overrides) and threads that it was recorded with.");
  options.add_options()("folder", "folder with init.pt, batches.npz and trace.json", cxxopts::value<std::string>())(
      "threads", "number of threads (default: as recorded; 1, then 2, where the trace does not say)",
      cxxopts::value<int>())("device", "cpu, cuda or auto", cxxopts::value<std::string>()->default_value("cpu"))(
      "h,help", "print this help")("version", "print the version");
  options.parse_positional("folder");
  options.positional_help("DIR");
  const auto parsed = [&] {
    try {
      return options.parse(argc, argv);
    } catch (const cxxopts::exceptions::exception& e) {
      throw Error(ErrorKind::usage, e.what(), "command line", "see trm_parity --help");
    }
  }();
  if (parsed.count("help") != 0) {
    fmt::print("{}", options.help());
    return 0;
  }
  if (parsed.count("version") != 0) {
    fmt::print("trm_parity {}\n", TERN_VERSION);
    return 0;
  }
  if (parsed.count("folder") == 0) throw Error(ErrorKind::usage, "no folder given", "command line", "trm_parity DIR");

  const auto folder = parsed["folder"].as<std::string>();
  const Verdict verdict = [&] {
    try {
      const Trace trace = read_trace(folder);
      RecordedWith with = recorded_with(trace.json);
      if (parsed.count("threads") != 0) with.threads = {parsed["threads"].as<int>()};
      if (with.threads[0] < 1) throw Error(ErrorKind::usage, "threads must be 1 or more", "--threads");
      use_instructions(with.cpu_capability, argv);
      return replay_with_threads(trace, with.threads, choose_device(parsed["device"].as<std::string>()));
    } catch (const nlohmann::json::exception& e) {
      throw Error(ErrorKind::data, std::string("unexpected content: ") + e.what(), folder + "/trace.json");
    }
  }();
  if (!verdict.passes()) retry_with_other_kernels(argv);
  const ordered_json report = {{"folder", folder},
                               {"pass", verdict.passes()},
                               {"cpu_capability", at::get_cpu_capability()},
                               {"mkl", mkl_kernels()},
                               {"threads", verdict.threads},
                               {"loss", verdict.loss.to_json()},
                               {"loss_by_step", verdict.loss_by_step},
                               {"metrics", verdict.metrics.to_json()},
                               {"grad_norm", verdict.grad_norm.to_json()},
                               {"weights", verdict.weights.to_json()},
                               {"flag_mismatches", verdict.flag_mismatches}};
  fmt::print("{}\n", report.dump());
  return verdict.passes() ? 0 : 1;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  return tern::run_program([&] { return tern::run(argc, argv); });
}
