#include "apps/gpt_import.h"

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include "apps/gpt_tensors.h"
#include "apps/nanochat_checkpoint.h"
#include "base/error.h"
#include "data/text/loader_state.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/store.h"
#include "engine/train/run_state.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

using nlohmann::ordered_json;

// Shapes alone don't tell heads and windows apart.
void check_same_model(const gpt::GptConfig& saved, const gpt::GptConfig& wanted, const std::string& where) {
  const auto check = [&](const char* key, const auto& theirs, const auto& ours, const char* fix) {
    if (theirs == ours) return;
    throw Error(ErrorKind::usage,
                fmt::format("the checkpoint's model has {}={}, the configuration {}", key, theirs, ours), where, fix);
  };
  check("vocab_size", saved.vocab_size, wanted.vocab_size, "use the tokenizer that the model was trained with");
  check("n_layer", saved.n_layer, wanted.n_layer, "give its --depth");
  check("n_embd", saved.n_embd, wanted.n_embd, "give its --aspect-ratio and --head-dim");
  check("n_head", saved.n_head, wanted.n_head, "give its --head-dim");
  check("n_kv_head", saved.n_kv_head, wanted.n_kv_head, "gpt_train makes as many key as query heads");
  check("sequence_len", saved.sequence_len, wanted.sequence_len, "give its --max-seq-len");
  check("window_pattern", saved.window_pattern, wanted.window_pattern, "give its --window-pattern");
}

// The counters of a GptTask that has come as far.
ordered_json task_counters(const NanochatCheckpoint& checkpoint, const fs::path& folder) {
  ordered_json counters = {{"vocab_size", checkpoint.config.vocab_size},
                           {"steps", checkpoint.step},
                           {"evaluated_at", -1},
                           {"smooth_loss", 0.0}};
  try {
    const ordered_json& meta = checkpoint.meta;
    if (meta.contains("loop_state")) {
      const ordered_json& loop = meta.at("loop_state");
      counters["smooth_loss"] = loop.at("smooth_train_loss").get<double>();
      const ordered_json& best = loop.at("min_val_bpb");  // not a number, or huge, before the first evaluation
      if (best.is_number() && best.get<double>() < 1e6) counters["best_bpb"] = best.get<double>();
    }
    if (meta.contains("dataloader_state_dict")) {
      const ordered_json& loader = meta.at("dataloader_state_dict");
      counters["loader"] =
          text::LoaderState::after_row_group(loader.at("pq_idx").get<int64_t>(), loader.at("rg_idx").get<int64_t>(),
                                             loader.value("epoch", int64_t{1}), /*rank=*/0,
                                             /*world_size=*/1)
              .to_json();
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::checkpoint, std::string("unexpected content of its meta file: ") + error.what(),
                folder.string());
  }
  return counters;
}

bool has_checkpoint(const fs::path& run_dir) {
  return find_newest_valid(run_dir, [](const std::string&) {}).has_value();
}

}  // namespace

std::optional<fs::path> import_from_nanochat(const GptJob& job, const GptPlan& plan, const fs::path& run_dir) {
  if (!job.train.init_from || (job.train.resume == "auto" && has_checkpoint(run_dir))) return std::nullopt;
  const fs::path folder = *job.train.init_from;
  const std::optional<int64_t> step =
      job.train.resume_from_step >= 0 ? std::optional(job.train.resume_from_step) : std::nullopt;
  const NanochatCheckpoint checkpoint = read_nanochat(folder, step, plan.model);
  check_same_model(checkpoint.config, plan.model, folder.string());
  at::Generator generator = at::detail::createCPUGenerator(0);
  const gpt::Gpt model(plan.model, generator);
  load_gpt_weights(model, checkpoint.weights, folder.string());
  const GptGroups groups = gpt_groups(model, plan.rates, plan.optimizer);
  MuonAdamW optimizer(groups.adamw, groups.muon);
  read_nanochat_optimizer(folder, checkpoint.step, optimizer);

  Snapshot snapshot;
  snapshot.step = checkpoint.step;
  for (const auto& [name, tensor] : model.parameters()) snapshot.model.emplace_back(name, tensor.detach());
  snapshot.optimizer = optimizer.state();
  snapshot.counters = to_json(RunState{.step = checkpoint.step, .best = std::nullopt});
  snapshot.counters["optimizer_steps"] = optimizer.steps();
  snapshot.counters["task"] = task_counters(checkpoint, folder);
  snapshot.config_yaml = job.resolved_yaml;
  fs::create_directories(run_dir);
  write_checkpoint(run_dir, snapshot);
  return run_dir / step_folder(snapshot.step);
}

}  // namespace tern
