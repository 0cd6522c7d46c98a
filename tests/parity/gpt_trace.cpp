#include "tests/parity/gpt_trace.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/tensor.h>

#include "apps/gpt_tensors.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/checkpoint/weights.h"
#include "tests/parity/config_keys.h"

namespace tern {
namespace {

using nlohmann::ordered_json;

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

}  // namespace

GptTrace read_gpt_trace(const std::filesystem::path& folder) {
  GptTrace trace{.folder = folder, .json = {}, .tokens = {}};
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

gpt::Gpt make_trace_model(const GptTrace& trace, at::Device device) {
  at::Generator generator = at::detail::createCPUGenerator(0);
  gpt::Gpt model(read_config(trace.json.at("config")), generator, device);
  const auto path = trace.folder / "init.pt";
  load_gpt_weights(model, load_weights(path), path.string());
  return model;
}

GptGroups derive_groups(const GptTrace& trace, const gpt::Gpt& model) {
  const ordered_json& json = trace.json;
  return gpt_groups(model, json.contains("rates") ? read_rates(json.at("rates")) : GptRates(),
                    read_optimizer_config(json.value("optimizer", ordered_json::object())));
}

void use_recorded_groups(GptGroups& groups, const GptTrace& trace) {
  const std::string where = (trace.folder / "trace.json").string();
  size_t index = 0;
  size_t matrices = 0;
  for (const ordered_json& group : trace.json.at("groups")) {
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

MuonAdamWStep read_step(const GptTrace& trace) {
  MuonAdamWStep step;
  for (const ordered_json& group : trace.json.at("groups")) {
    if (group.at("kind") != "muon") continue;
    step.muon_momentum = group.at("momentum").get<double>();
    step.muon_weight_decay = group.at("weight_decay").get<double>();
  }
  return step;
}

GptTraceBatch read_batch(const GptTrace& trace, int64_t index) {
  const int64_t length = trace.tokens.shape[2];
  const std::vector<int64_t> all = trace.tokens.to_int64();
  const at::Tensor tokens = at::tensor(all, at::kLong).reshape(trace.tokens.shape)[index];
  return {tokens.narrow(1, 0, length - 1), tokens.narrow(1, 1, length - 1)};
}

}  // namespace tern
