// Replays a recorded trace of nanochat's training and judges it: `gpt_parity DIR` with DIR/init.pt, tokens.npy (steps,
// batch, tokens + 1), trace.json and, where there is one, final.pt. tests/reference/gpt/record.py makes such folders.
#include <fmt/format.h>
#include <cxxopts.hpp>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include <ATen/TensorOperators.h>

#include "apps/device.h"
#include "apps/program.h"
#include "base/error.h"
#include "base/version.h"
#include "engine/checkpoint/weights.h"
#include "kernels/embedding/row_gradients.h"
#include "tests/parity/deviation.h"
#include "tests/parity/gpt_trace.h"
#include "tests/parity/mkl_vendor.h"
#include "tests/parity/recorded_with.h"

namespace tern {
namespace {

using nlohmann::ordered_json;

constexpr double kLossTolerance = 1e-5;
constexpr double kTolerance = 1e-4;        // gradient norms and weights
constexpr double kScalarTolerance = 1e-3;  // of lambdas and gates

struct Verdict {
  Deviation loss, grad_norm, scalar_grad_norm, weights, scalar_weights, hyperparameters;
  std::vector<double> loss_by_step;  // relative deviations: where a trace begins to part

  [[nodiscard]] bool passes() const {
    return loss.largest <= kLossTolerance && grad_norm.largest <= kTolerance && weights.largest <= kTolerance &&
           scalar_grad_norm.largest <= kScalarTolerance && scalar_weights.largest <= kScalarTolerance &&
           hyperparameters.largest <= 1e-12;
  }
};

// Lambdas and gates have gradients that are sums of terms which cancel, and Muon divides by the small singular values
// of a gate's: in gpt_small, upstream's own float32 gate lies 1.9e-4 from a float64 replay of it (ours 1.8e-4).
bool is_scalar(const std::string& name) {
  return name.find("_lambda") != std::string::npos || name.find("gate") != std::string::npos;
}

// The recorded groups are what our own derivation must arrive at.
void compare_groups(Verdict& verdict, const GptGroups& groups, const ordered_json& recorded) {
  size_t index = 0;
  for (const ordered_json& group : recorded) {
    const bool is_muon = group.at("kind") == "muon";
    const std::string name = is_muon ? "matrix" : "AdamW group " + std::to_string(index);
    const auto see = [&](double ours, const ordered_json& value, const char* field) {
      verdict.hyperparameters.see(ours, value.get<double>(), name + " " + field);
    };
    see(is_muon ? groups.muon.lr : groups.adamw.at(index).lr, group.at("lr"), "lr");
    if (is_muon) continue;
    const AdamWGroup& ours = groups.adamw.at(index++);
    see(ours.beta1, group.at("betas").at(0), "beta1");
    see(ours.beta2, group.at("betas").at(1), "beta2");
    see(ours.eps, group.at("eps"), "eps");
    see(ours.weight_decay, group.at("weight_decay"), "weight_decay");
  }
}

void compare_step(Verdict& verdict, const ordered_json& recorded, double loss, const gpt::Gpt& model) {
  const std::string at_step = " at step " + std::to_string(recorded.at("step").get<int64_t>());
  const auto recorded_loss = recorded.at("loss").get<double>();
  verdict.loss.see(loss, recorded_loss, "loss" + at_step);
  verdict.loss_by_step.push_back(loss / recorded_loss - 1);
  std::map<std::string, double> norms;
  for (const auto& [name, tensor] : model.parameters()) norms[name] = l2_norm(kernels::dense_gradient(tensor.grad()));
  for (const auto& [name, value] : recorded.at("grad_norm").items()) {
    const auto found = norms.find(name);
    Deviation& deviation = is_scalar(name) ? verdict.scalar_grad_norm : verdict.grad_norm;
    deviation.see(found == norms.end() ? NAN : found->second, value.get<double>(), name + at_step);
  }
}

void compare_final(Verdict& verdict, const GptTrace& trace, const gpt::Gpt& model) {
  const std::map<std::string, at::Tensor> ours(model.parameters().begin(), model.parameters().end());
  const auto deviation_of = [&](const std::string& name) -> Deviation& {
    return is_scalar(name) ? verdict.scalar_weights : verdict.weights;
  };
  for (const auto& [name, value] : trace.json.at("final_norm").items()) {
    const auto found = ours.find(name);
    deviation_of(name).see(found == ours.end() ? NAN : l2_norm(found->second), value.get<double>(), "norm of " + name);
  }
  if (!std::filesystem::exists(trace.folder / "final.pt")) return;
  for (const auto& [name, tensor] : load_weights(trace.folder / "final.pt")) {
    const auto found = ours.find(name);
    const double distance =
        found == ours.end() ? NAN : l2_norm(found->second.detach().cpu().to(at::kDouble) - tensor.to(at::kDouble));
    const double norm = l2_norm(tensor);
    deviation_of(name).see(norm + distance, norm, "tensor " + name);
  }
}

Verdict replay(const GptTrace& trace, at::Device device) {
  const gpt::Gpt model = make_trace_model(trace, device);
  GptGroups groups = derive_groups(trace, model);
  Verdict verdict;
  // Recordings by record.py have the rates that groups are derived from.
  if (trace.json.contains("rates")) compare_groups(verdict, groups, trace.json.at("groups"));
  use_recorded_groups(groups, trace);
  MuonAdamW optimizer(groups.adamw, groups.muon);
  const MuonAdamWStep step = read_step(trace);

  const ordered_json& steps = trace.json.at("trace");
  for (size_t i = 0; i < steps.size(); ++i) {
    const GptTraceBatch batch = read_batch(trace, static_cast<int64_t>(i));
    const gpt::Loss loss = gpt::token_loss(model, model.hidden(batch.inputs.to(device)), batch.targets.to(device));
    loss.mean.backward();
    compare_step(verdict, steps[i], loss.mean.item<double>(), model);
    optimizer.step(step);
    optimizer.zero_grad();
  }
  compare_final(verdict, trace, model);
  return verdict;
}

int run(int argc, char** argv) {
  cxxopts::Options options("gpt_parity",
                           "Replays a recorded training trace and judges it: exit 0 within tolerance. Uses the vector "
                           "instructions (ATEN_CPU_CAPABILITY overrides) that it was recorded with.");
  options.add_options()("folder", "folder with init.pt, tokens.npy and trace.json", cxxopts::value<std::string>())(
      "device", "cpu, cuda or auto", cxxopts::value<std::string>()->default_value("cpu"))("h,help", "print this help")(
      "version", "print the version");
  options.parse_positional("folder");
  options.positional_help("DIR");
  const auto parsed = [&] {
    try {
      return options.parse(argc, argv);
    } catch (const cxxopts::exceptions::exception& e) {
      throw Error(ErrorKind::usage, e.what(), "command line", "see gpt_parity --help");
    }
  }();
  if (parsed.count("help") != 0) {
    fmt::print("{}", options.help());
    return 0;
  }
  if (parsed.count("version") != 0) {
    fmt::print("gpt_parity {}\n", TERN_VERSION);
    return 0;
  }
  if (parsed.count("folder") == 0) throw Error(ErrorKind::usage, "no folder given", "command line", "gpt_parity DIR");

  const auto folder = parsed["folder"].as<std::string>();
  const Verdict verdict = [&] {
    try {
      const GptTrace trace = read_gpt_trace(folder);
      use_instructions(recorded_with(trace.json).cpu_capability, argv);
      return replay(trace, choose_device(parsed["device"].as<std::string>()));
    } catch (const nlohmann::json::exception& e) {
      throw Error(ErrorKind::data, std::string("unexpected content: ") + e.what(), folder + "/trace.json");
    }
  }();
  if (!verdict.passes()) retry_with_other_kernels(argv);
  const ordered_json report = {{"folder", folder},
                               {"pass", verdict.passes()},
                               {"loss", verdict.loss.to_json()},
                               {"loss_by_step", verdict.loss_by_step},
                               {"grad_norm", verdict.grad_norm.to_json()},
                               {"scalar_grad_norm", verdict.scalar_grad_norm.to_json()},
                               {"weights", verdict.weights.to_json()},
                               {"scalar_weights", verdict.scalar_weights.to_json()},
                               {"hyperparameters", verdict.hyperparameters.to_json()}};
  fmt::print("{}\n", report.dump());
  return verdict.passes() ? 0 : 1;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  return tern::run_program([&] { return tern::run(argc, argv); });
}
