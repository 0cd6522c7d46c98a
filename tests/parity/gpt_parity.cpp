// Replays a recorded trace of nanochat's training and judges it: `gpt_parity DIR` with DIR/init.pt, tokens.npy (steps,
// batch, tokens + 1), trace.json and, where there is one, final.pt. tests/reference/gpt/record.py makes such folders.
#include <fmt/format.h>
#include <cxxopts.hpp>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include "apps/gpt_optimizer.h"
#include "apps/gpt_tensors.h"
#include "apps/program.h"
#include "base/error.h"
#include "base/file.h"
#include "base/npy.h"
#include "base/version.h"
#include "engine/checkpoint/weights.h"
#include "models/gpt/loss.h"
#include "tests/parity/deviation.h"
#include "tests/parity/recorded_with.h"

namespace tern {
namespace {

using nlohmann::ordered_json;

constexpr double kLossTolerance = 1e-5;
constexpr double kTolerance = 1e-4;        // gradient norms and weights
constexpr double kScalarTolerance = 1e-3;  // of lambdas and gates

struct Trace {
  std::filesystem::path folder;
  ordered_json json;
  NpyArray tokens;
};

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

Trace read_trace(const std::filesystem::path& folder) {
  Trace trace{.folder = folder, .json = {}, .tokens = {}};
  const auto path = folder / "trace.json";
  try {
    trace.json = ordered_json::parse(read_file(path));
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorKind::data, std::string("not valid JSON: ") + e.what(), path.string());
  }
  trace.tokens = open_npy(folder / "tokens.npy");
  const auto& shape = trace.tokens.shape;
  const auto steps = static_cast<int64_t>(trace.json.at("trace").size());
  if (shape.size() != 3 || shape[0] != steps || shape[1] < 1 || shape[2] < 2) {
    throw Error(ErrorKind::data, "tokens need the shape (steps, batch, tokens + 1)", trace.tokens.name,
                "trace.json has " + std::to_string(steps) + " steps");
  }
  return trace;
}

template <class T>
void read(const ordered_json& config, const char* key, T& value) {
  if (config.contains(key)) value = config.at(key).get<T>();
}

// nanochat's own keys, and, where a trace is of a model with other parts, theirs.
gpt::GptConfig read_config(const ordered_json& json) {
  gpt::GptConfig config;
  config.forward_dtype = "float32";
  read(json, "sequence_len", config.sequence_len);
  read(json, "vocab_size", config.vocab_size);
  read(json, "n_layer", config.n_layer);
  read(json, "n_head", config.n_head);
  read(json, "n_kv_head", config.n_kv_head);
  read(json, "n_embd", config.n_embd);
  read(json, "pad_vocab_to", config.pad_vocab_to);
  read(json, "window_pattern", config.window_pattern);
  read(json, "rope_base", config.rope_base);
  read(json, "qk_norm", config.qk_norm);
  read(json, "qk_scale", config.qk_scale);
  read(json, "value_embeds", config.value_embeds);
  read(json, "resid_lambdas", config.resid_lambdas);
  read(json, "x0_lambdas", config.x0_lambdas);
  read(json, "smear", config.smear);
  read(json, "backout", config.backout);
  read(json, "softcap", config.softcap);
  return config;
}

GptOptimizerConfig read_optimizer_config(const ordered_json& json) {
  GptOptimizerConfig config;
  read(json, "orthogonalization", config.orthogonalization);
  read(json, "iterations", config.iterations);
  read(json, "equilibrate", config.equilibrate);
  read(json, "renormalize", config.renormalize);
  read(json, "reduce_variance", config.reduce_variance);
  read(json, "unembedding_beta2", config.unembedding_beta2);
  read(json, "unembedding_weight_decay", config.unembedding_weight_decay);
  read(json, "embedding_beta2", config.embedding_beta2);
  read(json, "embedding_weight_decay", config.embedding_weight_decay);
  return config;
}

GptRates read_rates(const ordered_json& json) {
  return {.embedding_lr = json.at("embedding_lr").get<double>(),
          .unembedding_lr = json.at("unembedding_lr").get<double>(),
          .matrix_lr = json.at("matrix_lr").get<double>(),
          .scalar_lr = json.at("scalar_lr").get<double>()};
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

// Takes over the recorded hyperparameters. Throws Error(data) unless the groups have the recorded sizes.
void use_recorded(GptGroups& groups, const ordered_json& recorded, const std::string& where) {
  size_t index = 0;
  size_t matrices = 0;
  for (const ordered_json& group : recorded) {
    const auto size = group.at("n").get<size_t>();
    const auto lr = group.at("lr").get<double>();
    if (group.at("kind") == "muon") {
      matrices += size;
      groups.muon.lr = lr;
      groups.muon.beta2 = group.at("beta2").get<double>();
      groups.muon.recipe.iterations = group.at("ns_steps").get<int64_t>();
      continue;
    }
    if (index == groups.adamw.size() || groups.adamw[index].parameters.size() != size) {
      throw Error(ErrorKind::data, "AdamW group " + std::to_string(index) + " has other parameters than ours", where);
    }
    AdamWGroup& ours = groups.adamw[index++];
    ours.lr = lr;
    ours.beta1 = group.at("betas").at(0).get<double>();
    ours.beta2 = group.at("betas").at(1).get<double>();
    ours.eps = group.at("eps").get<double>();
    ours.weight_decay = group.at("weight_decay").get<double>();
  }
  if (index != groups.adamw.size() || matrices != groups.muon.parameters.size()) {
    throw Error(ErrorKind::data, "the groups leave parameters of the model out", where);
  }
}

MuonAdamWStep read_step(const ordered_json& groups) {
  MuonAdamWStep step;
  for (const ordered_json& group : groups) {
    if (group.at("kind") != "muon") continue;
    step.muon_momentum = group.at("momentum").get<double>();
    step.muon_weight_decay = group.at("weight_decay").get<double>();
  }
  return step;
}

void compare_step(Verdict& verdict, const ordered_json& recorded, double loss, const gpt::Gpt& model) {
  const std::string at_step = " at step " + std::to_string(recorded.at("step").get<int64_t>());
  const auto recorded_loss = recorded.at("loss").get<double>();
  verdict.loss.see(loss, recorded_loss, "loss" + at_step);
  verdict.loss_by_step.push_back(loss / recorded_loss - 1);
  std::map<std::string, double> norms;
  for (const auto& [name, tensor] : model.parameters()) norms[name] = l2_norm(tensor.grad());
  for (const auto& [name, value] : recorded.at("grad_norm").items()) {
    const auto found = norms.find(name);
    Deviation& deviation = is_scalar(name) ? verdict.scalar_grad_norm : verdict.grad_norm;
    deviation.see(found == norms.end() ? NAN : found->second, value.get<double>(), name + at_step);
  }
}

void compare_final(Verdict& verdict, const Trace& trace, const gpt::Gpt& model) {
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
        found == ours.end() ? NAN : l2_norm(found->second.detach().to(at::kDouble) - tensor.to(at::kDouble));
    const double norm = l2_norm(tensor);
    deviation_of(name).see(norm + distance, norm, "tensor " + name);
  }
}

Verdict replay(const Trace& trace) {
  at::Generator generator = at::detail::createCPUGenerator(0);
  const gpt::Gpt model(read_config(trace.json.at("config")), generator);
  load_gpt_weights(model, load_weights(trace.folder / "init.pt"), (trace.folder / "init.pt").string());

  const ordered_json& recorded_groups = trace.json.at("groups");
  const bool has_rates = trace.json.contains("rates");  // recordings by record.py have them
  GptGroups groups = gpt_groups(model, has_rates ? read_rates(trace.json.at("rates")) : GptRates(),
                                read_optimizer_config(trace.json.value("optimizer", ordered_json::object())));
  Verdict verdict;
  if (has_rates) compare_groups(verdict, groups, recorded_groups);
  use_recorded(groups, recorded_groups, (trace.folder / "trace.json").string());
  MuonAdamW optimizer(groups.adamw, groups.muon);

  const at::Tensor tokens = at::tensor(trace.tokens.to_int64(), at::kLong).reshape(trace.tokens.shape);
  const int64_t length = tokens.size(2) - 1;
  const ordered_json& steps = trace.json.at("trace");
  for (size_t i = 0; i < steps.size(); ++i) {
    const at::Tensor batch = tokens[static_cast<int64_t>(i)];
    const at::Tensor inputs = batch.narrow(1, 0, length), targets = batch.narrow(1, 1, length);
    const gpt::Loss loss = gpt::token_loss(model, model.hidden(inputs), targets);
    loss.mean.backward();
    compare_step(verdict, steps[i], loss.mean.item<double>(), model);
    optimizer.step(read_step(recorded_groups));
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
      "h,help", "print this help")("version", "print the version");
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
      const Trace trace = read_trace(folder);
      use_instructions(recorded_with(trace.json).cpu_capability, argv);
      return replay(trace);
    } catch (const nlohmann::json::exception& e) {
      throw Error(ErrorKind::data, std::string("unexpected content: ") + e.what(), folder + "/trace.json");
    }
  }();
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
