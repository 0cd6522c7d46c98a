#include "apps/gpt_export.h"

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include <limits>

#include "apps/gpt_tensors.h"
#include "apps/gpt_train_config.h"
#include "apps/nanochat_checkpoint.h"
#include "base/error.h"
#include "data/text/loader_state.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/reader.h"
#include "engine/config/yaml_read.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

fs::path find_checkpoint(const fs::path& in) {
  if (fs::exists(in / kManifestName)) return in;
  const auto newest = find_newest_valid(in, [](const std::string& text) { fmt::print(stderr, "{}\n", text); });
  if (!newest) throw Error(ErrorKind::checkpoint, "folder holds no valid checkpoint", in.string());
  return *newest;
}

nlohmann::ordered_json make_meta(const GptJob& job, const GptPlan& plan, const Snapshot& snapshot) {
  nlohmann::ordered_json meta = {{"user_config", {{"depth", job.train.depth}, {"run", job.train.run}}},
                                 {"device_batch_size", plan.task.device_batch_size},
                                 {"max_seq_len", plan.model.sequence_len},
                                 {"total_batch_size", plan.task.total_batch_size}};
  const auto bpb = snapshot.metrics.find("val/bpb");
  meta["val_bpb"] = bpb != snapshot.metrics.end() ? nlohmann::ordered_json(bpb->second) : nullptr;
  // What nanochat's base_train goes on from; it places itself in the data by row groups.
  const nlohmann::ordered_json& task = snapshot.counters.at("task");
  if (task.contains("loader")) {
    const auto loader = text::LoaderState::from_json(task.at("loader").get<std::string>(), "the checkpoint");
    const text::DocumentAddress& next = loader.position.next;
    meta["dataloader_state_dict"] = {
        {"pq_idx", next.file}, {"rg_idx", next.row_group}, {"epoch", loader.position.epoch}};
  }
  meta["loop_state"] = {{"min_val_bpb", task.value("best_bpb", std::numeric_limits<double>::max())},
                        {"smooth_train_loss", task.at("smooth_loss")},
                        {"total_training_time", 0.0}};
  return meta;
}

}  // namespace

int64_t export_to_nanochat(const fs::path& in, const fs::path& out) {
  const fs::path folder = find_checkpoint(in);
  const Snapshot snapshot = load_checkpoint(folder, /*rank=*/0, read_manifest(folder).world_size);
  const int64_t vocabulary = trained_vocab_size(snapshot.counters, folder.string());
  const GptJob job = read_gpt_job(config::read_yaml(snapshot.config_yaml, (folder / "config").string()));
  const GptPlan plan = make_gpt_plan(job, vocabulary, 1);
  at::Generator generator = at::detail::createCPUGenerator(0);
  const gpt::Gpt model(plan.model, generator);
  load_gpt_weights(model, snapshot.model, folder.string());
  const GptGroups groups = gpt_groups(model, plan.rates, plan.optimizer);
  MuonAdamW optimizer(groups.adamw, groups.muon);
  optimizer.restore(optimizer.reshard(load_optimizer_states(folder)), snapshot.step);
  write_nanochat(out, snapshot.step, model, make_meta(job, plan, snapshot));
  write_nanochat_optimizer(out, snapshot.step, optimizer);
  return snapshot.step;
}

}  // namespace tern
