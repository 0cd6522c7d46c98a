#include "apps/nanochat_checkpoint.h"

#include <ATen/ops/cat.h>

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/torch_file.h"
#include "engine/checkpoint/weights.h"
#include "models/gpt/shape.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

using nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& what, const fs::path& where, const std::string& fix = "") {
  throw Error(ErrorKind::checkpoint, what, where.string(), fix);
}

fs::path model_path(const fs::path& folder, int64_t step) {
  return folder / fmt::format("model_{:06}.pt", step);
}
fs::path meta_path(const fs::path& folder, int64_t step) {
  return folder / fmt::format("meta_{:06}.json", step);
}

// The steps of all files model_<step>.pt.
int64_t last_step(const fs::path& folder) {
  int64_t last = -1;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("model_") || !name.ends_with(".pt")) continue;
    int64_t step = -1;
    const char* end = name.data() + name.size() - 3;
    const auto parsed = std::from_chars(name.data() + 6, end, step);
    if (parsed.ec == std::errc() && parsed.ptr == end) last = std::max(last, step);
  }
  if (last < 0) refuse("no model_<step>.pt", folder, "give a folder like base_checkpoints/d20");
  return last;
}

ordered_json read_meta(const fs::path& path) {
  try {
    return ordered_json::parse(read_file(path));
  } catch (const nlohmann::json::exception& error) {
    refuse(std::string("not valid JSON: ") + error.what(), path);
  }
}

void apply_model_config(gpt::GptConfig& config, const ordered_json& meta, const fs::path& where) {
  try {
    const ordered_json& saved = meta.at("model_config");
    config.sequence_len = saved.at("sequence_len").get<int64_t>();
    config.vocab_size = saved.at("vocab_size").get<int64_t>();
    config.n_layer = saved.at("n_layer").get<int64_t>();
    config.n_head = saved.at("n_head").get<int64_t>();
    config.n_kv_head = saved.at("n_kv_head").get<int64_t>();
    config.n_embd = saved.at("n_embd").get<int64_t>();
    config.window_pattern = saved.value("window_pattern", "L");
  } catch (const nlohmann::json::exception& error) {
    refuse(std::string("unexpected content: ") + error.what(), where);
  }
}

void apply_weights(gpt::GptConfig& config, const TensorList& weights, const fs::path& where) {
  std::set<std::string> names;
  int64_t rows = 0;
  for (const auto& [name, tensor] : weights) {
    names.insert(name);
    if (name == "transformer.wte.weight" && tensor.dim() == 2) rows = tensor.size(0);
  }
  config.resid_lambdas = names.contains("resid_lambdas");
  config.x0_lambdas = names.contains("x0_lambdas");
  config.smear = names.contains("smear_lambda");
  config.backout = names.contains("backout_lambda");
  config.value_embeds = names.contains("value_embeds." + std::to_string(config.n_layer - 1) + ".weight");
  if (rows == config.vocab_size) config.pad_vocab_to = 1;
  if (rows != config.padded_vocab()) {
    refuse(fmt::format("transformer.wte.weight has {} rows for a vocabulary of {}", rows, config.vocab_size), where);
  }
}

// Dictionary access on unpickled objects.
PickleRef get(PickleRef dict, std::string_view key) {
  for (const auto& [name, value] : pickle_as<PickleDict>(dict, "a dict").items) {
    const auto* text = std::get_if<std::string>(&name->data);
    if (text != nullptr && *text == key) return value;
  }
  throw PickleProblem("no entry '" + std::string(key) + "'");
}

PickleRef get(PickleRef dict, int64_t key) {
  for (const auto& [name, value] : pickle_as<PickleDict>(dict, "a dict").items) {
    const auto* number = std::get_if<int64_t>(&name->data);
    if (number != nullptr && *number == key) return value;
  }
  throw PickleProblem("no state of parameter " + std::to_string(key));
}

// One rank's state tensors under our names, and the number of steps.
struct RankState {
  TensorList tensors;
  int64_t steps = 0;
};

RankState read_rank(const fs::path& path, const MuonAdamW& optimizer) {
  RankState result;
  read_torch_object(path, [&](PickleRef root) {
    PickleRef state = get(root, "state");
    int64_t id = 0;  // parameters are numbered through the groups
    const auto take = [&](PickleRef from, std::string_view key, const std::string& name) {
      result.tensors.emplace_back(name, pickle_as<at::Tensor>(get(from, key), "a tensor").clone());
    };
    for (const AdamWGroup& group : optimizer.adamw_groups()) {
      for (const auto& [name, tensor] : group.parameters) {
        PickleRef own = get(state, id++);
        result.steps = pickle_as<int64_t>(get(own, "step"), "a number of steps");
        take(own, "exp_avg", "exp_avg." + name);
        take(own, "exp_avg_sq", "exp_avg_sq." + name);
      }
    }
    for (const MuonAdamW::StackNames& stack : optimizer.stacks()) {
      PickleRef own = get(state, id);
      id += static_cast<int64_t>(stack.members.size());
      take(own, "momentum_buffer", "momentum_buffer." + stack.name);
      take(own, "second_momentum_buffer", "second_momentum_buffer." + stack.name);
    }
  });
  return result;
}

// The ranks' parts of one tensor as the whole that `like` has the shape of. Stacks are padded to equal parts, small
// parameters are on every rank.
at::Tensor join(const std::vector<RankState>& ranks, size_t index, const at::Tensor& like, const fs::path& folder) {
  const auto& [name, first] = ranks[0].tensors[index];
  if (ranks.size() == 1 || first.sizes() == like.sizes()) return first;
  const auto count = static_cast<int64_t>(ranks.size());
  const int64_t equal_part = (like.size(0) + count - 1) / count;
  std::vector<at::Tensor> parts;
  for (const RankState& rank : ranks) {
    parts.push_back(rank.tensors[index].second);
    if (parts.back().dim() != like.dim() || parts.back().size(0) != equal_part) {
      refuse(fmt::format("the parts of {} on {} ranks don't make up the whole", name, count), folder,
             "put the files of all ranks there, and of no other job");
    }
  }
  return at::cat(parts).narrow(0, 0, like.size(0));
}

// All of a step's, in the order of the ranks.
std::vector<RankState> read_ranks(const fs::path& folder, int64_t step, const MuonAdamW& optimizer) {
  std::vector<RankState> ranks;
  while (true) {
    const fs::path path = folder / fmt::format("optim_{:06}_rank{}.pt", step, ranks.size());
    if (!fs::exists(path)) break;
    ranks.push_back(read_rank(path, optimizer));
    if (ranks.back().steps != ranks[0].steps) {
      refuse(fmt::format("it is of step {} and rank 0's of {}", ranks.back().steps, ranks[0].steps), path);
    }
  }
  if (ranks.empty()) refuse(fmt::format("no optim_{:06}_rank0.pt", step), folder);
  return ranks;
}

// Owns the values that a pickle is made of.
class PickleBuilder {
 public:
  template <class Data>
  PickleRef operator()(Data data) {
    values_.emplace_back().data.template emplace<Data>(std::move(data));
    return &values_.back();
  }
  PickleRef text(std::string value) { return (*this)(std::move(value)); }
  PickleRef number(double value) { return (*this)(value); }
  PickleRef integer(int64_t value) { return (*this)(value); }

  void add(PickleDict& dict, const char* key, PickleRef value) { dict.items.emplace_back(text(key), value); }

 private:
  std::deque<PickleValue> values_;  // addresses stay
};

PickleRef parameter_ids(PickleBuilder& make, int64_t& next, size_t count) {
  PickleList ids;
  for (size_t i = 0; i < count; ++i) ids.items.push_back(make.integer(next++));
  return make(std::move(ids));
}

PickleRef adamw_group(PickleBuilder& make, const AdamWGroup& group, int64_t& next) {
  PickleDict dict;
  make.add(dict, "kind", make.text("adamw"));
  make.add(dict, "lr", make.number(group.lr));
  make.add(dict, "betas", make(PickleTuple{{make.number(group.beta1), make.number(group.beta2)}}));
  make.add(dict, "eps", make.number(group.eps));
  make.add(dict, "weight_decay", make.number(group.weight_decay));
  make.add(dict, "initial_lr", make.number(group.lr));
  make.add(dict, "params", parameter_ids(make, next, group.parameters.size()));
  return make(std::move(dict));
}

// Momentum and weight decay follow schedules: nanochat sets them before each step.
PickleRef muon_group(PickleBuilder& make, const MuonGroup& group, size_t members, int64_t& next) {
  PickleDict dict;
  make.add(dict, "kind", make.text("muon"));
  make.add(dict, "lr", make.number(group.lr));
  make.add(dict, "momentum", make.number(0.95));
  make.add(dict, "ns_steps", make.integer(group.recipe.iterations));
  make.add(dict, "beta2", make.number(group.beta2));
  make.add(dict, "weight_decay", make.number(0));
  make.add(dict, "initial_lr", make.number(group.lr));
  make.add(dict, "params", parameter_ids(make, next, members));
  return make(std::move(dict));
}

PickleRef optimizer_object(PickleBuilder& make, const MuonAdamW& optimizer) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : optimizer.state()) tensors[name] = tensor;
  PickleDict state;
  PickleList groups;
  int64_t next = 0;
  for (const AdamWGroup& group : optimizer.adamw_groups()) {
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      const std::string& name = group.parameters[i].first;
      PickleDict own;
      make.add(own, "step", make.integer(optimizer.steps()));
      make.add(own, "exp_avg", make(tensors.at("exp_avg." + name)));
      make.add(own, "exp_avg_sq", make(tensors.at("exp_avg_sq." + name)));
      state.items.emplace_back(make.integer(next + static_cast<int64_t>(i)), make(std::move(own)));
    }
    groups.items.push_back(adamw_group(make, group, next));
  }
  for (const MuonAdamW::StackNames& stack : optimizer.stacks()) {
    PickleDict own;
    make.add(own, "momentum_buffer", make(tensors.at("momentum_buffer." + stack.name)));
    make.add(own, "second_momentum_buffer", make(tensors.at("second_momentum_buffer." + stack.name)));
    state.items.emplace_back(make.integer(next), make(std::move(own)));
    groups.items.push_back(muon_group(make, optimizer.muon_group(), stack.members.size(), next));
  }
  PickleDict root;
  make.add(root, "state", make(std::move(state)));
  make.add(root, "param_groups", make(std::move(groups)));
  return make(std::move(root));
}

void check_expressible(const gpt::GptConfig& config) {
  const gpt::GptConfig today;
  const bool same = config.pad_vocab_to == today.pad_vocab_to && config.rope_base == today.rope_base &&
                    config.qk_norm && config.qk_scale == today.qk_scale && config.value_embeds &&
                    config.ve_gate_channels == today.ve_gate_channels && config.resid_lambdas && config.x0_lambdas &&
                    config.smear && config.smear_channels == today.smear_channels && config.backout &&
                    config.softcap == today.softcap;
  if (same) return;
  throw Error(ErrorKind::usage, "the model has parts that nanochat's present release can't express", "",
              "export safetensors instead, or train with gpt=nanochat");
}

}  // namespace

NanochatCheckpoint read_nanochat(const fs::path& folder, std::optional<int64_t> step, gpt::GptConfig base) {
  NanochatCheckpoint checkpoint;
  checkpoint.step = step ? *step : last_step(folder);
  const fs::path path = model_path(folder, checkpoint.step);
  checkpoint.weights = load_weights(path);
  checkpoint.meta = read_meta(meta_path(folder, checkpoint.step));
  checkpoint.config = std::move(base);
  apply_model_config(checkpoint.config, checkpoint.meta, meta_path(folder, checkpoint.step));
  apply_weights(checkpoint.config, checkpoint.weights, path);
  return checkpoint;
}

void read_nanochat_optimizer(const fs::path& folder, int64_t step, MuonAdamW& optimizer) {
  const std::vector<RankState> ranks = read_ranks(folder, step, optimizer);
  std::map<std::string, at::Tensor> live;
  for (const auto& [name, tensor] : optimizer.state()) live[name] = tensor;
  TensorList whole;
  for (size_t i = 0; i < ranks[0].tensors.size(); ++i) {
    const std::string& name = ranks[0].tensors[i].first;
    if (live.contains(name)) whole.emplace_back(name, join(ranks, i, live[name], folder));
  }
  optimizer.restore(whole, ranks[0].steps);
}

void write_nanochat(const fs::path& folder, int64_t step, const gpt::Gpt& model, ordered_json meta) {
  const gpt::GptConfig& config = model.config();
  check_expressible(config);
  fs::create_directories(folder);
  TensorList weights;
  for (const auto& [name, tensor] : model.parameters()) weights.emplace_back(name, tensor.detach());
  write_torch_file(model_path(folder, step), weights);
  meta["step"] = step;
  meta["model_config"] = {{"sequence_len", config.sequence_len},
                          {"vocab_size", config.vocab_size},
                          {"n_layer", config.n_layer},
                          {"n_head", config.n_head},
                          {"n_kv_head", config.n_kv_head},
                          {"n_embd", config.n_embd},
                          {"window_pattern", config.window_pattern}};
  write_file_atomically(meta_path(folder, step), meta.dump(2));
}

void write_nanochat_optimizer(const fs::path& folder, int64_t step, const MuonAdamW& optimizer) {
  PickleBuilder make;
  fs::create_directories(folder);
  write_torch_object(folder / fmt::format("optim_{:06}_rank0.pt", step), *optimizer_object(make, optimizer));
}

}  // namespace tern
