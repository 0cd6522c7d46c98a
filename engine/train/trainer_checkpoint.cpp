// How a run is taken up, saved and put back.
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/reader.h"
#include "engine/distributed/checkpoint_peers.h"
#include "engine/monitor/history.h"
#include "engine/train/trainer.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

// Name of the first tensor that holds NaN or an infinity.
std::optional<std::string> first_non_finite(const TensorList& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.is_floating_point() || tensor.numel() == 0) continue;
    const at::Tensor largest = tensor.detach().norm(std::numeric_limits<double>::infinity());  // makes no copy
    if (!std::isfinite(largest.item<double>())) return name;
  }
  return std::nullopt;
}

}  // namespace

void Trainer::start() {
  std::vector<std::string> messages;
  try {
    resume(messages);
    if (!resumed_from_) {
      task_.begin();
      share_weights();
    }
    for (std::string& text : task_.notices()) messages.push_back(std::move(text));
  } catch (...) {
    if (group_.leads()) {
      for (const std::string& text : messages) fmt::print(stderr, "{}\n", text);  // there is no log yet
    }
    throw;
  }
  open_run_folder();
  for (const std::string& text : messages) log_->message(text);
  if (is_done()) log_->message("nothing is left to train: raise epochs, or begin anew with resume=never");
}

void Trainer::resume(std::vector<std::string>& messages) {
  if (config_.resume == "never") return;
  const std::string folder = config_.resume == "auto" ? find_checkpoint(messages) : config_.resume;
  if (folder.empty()) return;
  resumed_from_ = folder;
  restore(load(folder, messages), /*keep_position=*/false);
  saved_ = config_.resume == "auto";  // elsewhere it may be in another run's folder
  messages.push_back(
      fmt::format("resumed {} at step {} of {}", resumed_from_->string(), state_.step, plan_.total_steps));
}

// Rank 0 looks, for all of them. Empty: there is none.
std::string Trainer::find_checkpoint(std::vector<std::string>& messages) {
  std::optional<fs::path> newest;
  if (group_.leads()) {
    newest = newest_valid_checkpoint(run_dir(), [&](const std::string& text) { messages.push_back(text); });
  }
  return group_.broadcast_text(newest ? newest->string() : "");
}

// A checkpoint of another number of ranks is shared out anew: weights and counters are rank 0's.
Snapshot Trainer::load(const fs::path& folder, std::vector<std::string>& messages) const {
  const int saved_by = read_manifest(folder).world_size;
  if (saved_by == group_.world_size() || !optimizer_) {
    return load_checkpoint(folder, group_.rank(), group_.world_size());
  }
  Snapshot snapshot = load_checkpoint(folder, 0, saved_by);
  snapshot.optimizer = optimizer_->reshard(load_optimizer_states(folder));
  messages.push_back(fmt::format("the checkpoint of {} ranks is shared out over {}", saved_by, group_.world_size()));
  return snapshot;
}

// Every rank made the same weights from the same seed; this is for whatever makes one machine's differ.
void Trainer::share_weights() {
  if (group_.is_alone()) return;
  for (const auto& [name, tensor] : task_.model_state()) group_.broadcast(tensor.detach()).wait();
}

// Metrics beyond the resumed step go now, so this comes after everything that can go wrong with the checkpoint.
void Trainer::open_run_folder() {
  log_ = std::make_unique<RunLog>(RunLogOptions{.silent = !group_.leads(),
                                                .run_dir = run_dir(),
                                                .title = config_.run_name.value_or(""),
                                                .total_steps = plan_.total_steps,
                                                .resume_step = state_.step,
                                                .config_yaml = resolved_yaml_,
                                                .log_interval = config_.log_interval,
                                                .display = task_.display(),
                                                .best_metric = config_.best_metric});
  if (group_.leads()) write_file_atomically(run_dir() + "/config.yaml", resolved_yaml_);
  const RetentionPolicy retention{.keep_last = config_.keep_checkpoints,
                                  .best_metric = config_.best_metric,
                                  .lower_is_better = smaller_is_better(config_.best_metric)};
  const auto before_write = [this](const Snapshot& copy) {
    if (const auto name = first_non_finite(copy.model)) throw Error(ErrorKind::diverged, *name + " is not finite");
    log_->sync();  // no checkpoint without its history
  };
  writer_ = std::make_unique<CheckpointWriter>(
      run_dir(), retention, [this](const std::string& text) { log_->message(text); }, before_write,
      checkpoint_rank(group_));
}

void Trainer::restore(const Snapshot& snapshot, bool keep_position) {
  const std::string where = step_folder(snapshot.step);
  const auto& counters = snapshot.counters;
  RunState saved = parse_run_state(counters, where);
  if (!counters.contains("optimizer_steps") || !counters.contains("task")) {
    throw Error(ErrorKind::checkpoint, "its counters are incomplete", where, "resume another checkpoint");
  }
  task_.restore(snapshot.state, counters["task"], keep_position);  // first: it knows best what doesn't fit
  copy_by_name(snapshot.model, task_.model_state(), where);
  if (optimizer_) {
    optimizer_->restore(snapshot.optimizer, snapshot.ema, counters["optimizer_steps"].get<int64_t>());
  }
  saved.metrics = snapshot.metrics;
  if (keep_position) {
    state_.step = saved.step;
    state_.metrics = saved.metrics;
  } else {
    state_ = std::move(saved);
    const std::optional<int64_t> done = task_.iterations_done();
    if (done && state_.step < plan_.total_steps) state_.iteration = *done - (state_.evaluation_due ? 1 : 0);
  }
}

Snapshot Trainer::snapshot() {
  Snapshot snapshot;
  snapshot.step = state_.step;
  snapshot.rank = group_.rank();
  snapshot.world_size = group_.world_size();
  if (group_.leads()) snapshot.model = task_.model_state();
  if (optimizer_ && group_.leads()) snapshot.ema = optimizer_->ema();
  if (optimizer_) snapshot.optimizer = optimizer_->state();
  snapshot.state = task_.carry_state(config_.save_carry);
  snapshot.counters = to_json(state_);
  snapshot.counters["optimizer_steps"] = optimizer_ ? optimizer_->steps() : 0;
  snapshot.counters["task"] = task_.counters();
  snapshot.metrics = state_.metrics;
  snapshot.config_yaml = resolved_yaml_;
  return snapshot;
}

void Trainer::save() {
  writer_->save(snapshot());
  saved_ = true;
}

// At the end of the run: what a last save in the background may have missed is tried once more.
void Trainer::save_what_is_unsaved() {
  writer_->wait();
  if (saved_ && !writer_->last_error()) return;
  if (const auto name = first_non_finite(task_.model_state())) {
    diverged(fmt::format("{} is not finite after step {}", *name, state_.step));
  }
  save();
  writer_->wait();
}

void Trainer::rollback() {
  writer_->wait();
  const std::optional<SaveReport> saved = writer_->last_saved();
  const std::optional<fs::path> target = saved ? fs::path(run_dir()) / step_folder(saved->step) : resumed_from_;
  if (!target) diverged(fmt::format("step {} is not finite and there is no checkpoint to go back to", state_.step + 1));
  std::vector<std::string> messages;
  restore(load(*target, messages), /*keep_position=*/true);
  log_->rewind(state_.step);
  log_->message(fmt::format("rolled back to step {}; the data goes on behind the failed batch", state_.step));
  for (const std::string& text : messages) log_->message(text);
}

// Ends the run; what is on disk stays as it is.
void Trainer::diverged(const std::string& what) {
  writer_->wait();
  log_->finish(fmt::format("diverged at step {}", state_.step + 1));
  throw Error(ErrorKind::diverged, "training diverged: " + what, run_dir(),
              "the checkpoints there are from before; lower lr, or set on_nan=skip or on_nan=rollback");
}

}  // namespace tern
