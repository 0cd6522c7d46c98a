#include "engine/train/trainer.h"

#include <cmath>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "engine/checkpoint/reader.h"
#include "engine/optim/schedule.h"
#include "engine/train/stop_signal.h"
#include "kernels/sign_sgd/sign_sgd.h"

namespace tern {

namespace {

// A run that loses this many steps in a row to NaN is lost itself.
constexpr int64_t kMaxFailuresInARow = 10;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print_message(const std::string& text) { fmt::print(stderr, "{}\n", text); }

std::optional<std::filesystem::path> checkpoint_to_resume(const TrainConfig& config) {
  if (config.resume == "never") return std::nullopt;
  if (config.resume != "auto") return config.resume;
  return newest_valid_checkpoint(config.checkpoint_path.value(), print_message);
}

const double* find_metric(const NamedValues& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace

Trainer::Trainer(const TrainConfig& config, const TrainPlan& plan, Task& task, std::string resolved_yaml)
    : config_(config), plan_(plan), task_(task), resolved_yaml_(std::move(resolved_yaml)) {
  const TensorList parameters = task_.parameters();
  if (!parameters.empty()) {
    optimizer_ = std::make_unique<AdamATan2Optimizer>(parameters, AdamATan2Options{.beta1 = config_.beta1,
                                                                                   .beta2 = config_.beta2,
                                                                                   .weight_decay = config_.weight_decay,
                                                                                   .ema = config_.ema,
                                                                                   .ema_decay = config_.ema_rate});
  }
}

Trainer::~Trainer() = default;

TrainOutcome Trainer::run() {
  resume();
  while (iteration_ < plan_.total_iterations) {
    while (!evaluation_due_ && train_step()) {
      if (const auto outcome = should_stop()) return finish(*outcome);
      if (config_.checkpoint_interval > 0 && step_ % config_.checkpoint_interval == 0) save();
    }
    evaluation_due_ = true;
    const bool last = iteration_ + 1 == plan_.total_iterations || step_ >= plan_.total_steps;
    if (iteration_ >= config_.min_eval_interval && !evaluate()) return finish(TrainOutcome::stopped_by_signal);
    evaluation_due_ = false;
    ++iteration_;
    if (config_.early_stop > 0 && evaluations_without_best_ >= config_.early_stop) {
      return finish(TrainOutcome::early_stop);
    }
    if (last) break;
    if (config_.checkpoint_every_eval) save();
    if (const auto outcome = should_stop()) return finish(*outcome);
  }
  iteration_ = plan_.total_iterations;
  return finish(TrainOutcome::finished);
}

bool Trainer::train_step() {
  if (step_ >= plan_.total_steps || !task_.next_batch()) return false;
  const auto start = std::chrono::steady_clock::now();

  const StepResult result = task_.forward_backward();
  const double grad_norm = optimizer_ ? optimizer_->grad_norm() : 0.0;
  if (!std::isfinite(result.loss) || !std::isfinite(grad_norm)) {
    handle_non_finite(result.loss, grad_norm);
    return true;
  }
  ++step_;
  failures_in_a_row_ = 0;
  last_metrics_.clear();
  apply_gradients();
  task_.accept_step();

  StepReport report{.step = step_, .loss = result.loss, .lr = dense_lr(), .examples = result.examples};
  report.metrics = result.metrics;
  if (optimizer_) report.metrics.emplace_back("train/grad_norm", grad_norm);
  report.metrics.emplace_back("train/lr", report.lr);
  report.seconds = seconds_since(start);
  log_->step(report);
  return true;
}

double Trainer::dense_lr() const {
  const CosineSchedule schedule{config_.lr_warmup_steps, plan_.total_steps, config_.lr_min_ratio};
  return cosine_lr(optimizer_ ? config_.lr : config_.puzzle_emb_lr, step_, schedule);
}

void Trainer::apply_gradients() {
  const CosineSchedule schedule{config_.lr_warmup_steps, plan_.total_steps, config_.lr_min_ratio};
  if (auto rows = task_.sparse_rows()) {
    kernels::sign_sgd_sparse_step(rows->weights, rows->grads, rows->ids,
                                  cosine_lr(config_.puzzle_emb_lr, step_, schedule), config_.puzzle_emb_weight_decay);
  }
  if (!optimizer_) return;
  optimizer_->step(dense_lr());
  optimizer_->zero_grad();
}

void Trainer::handle_non_finite(double loss, double grad_norm) {
  const int64_t failed_step = step_ + 1;
  if (optimizer_) optimizer_->zero_grad();
  const std::string what = fmt::format("loss {} and gradient norm {} at step {}", loss, grad_norm, failed_step);
  if (config_.on_nan == "stop" || ++failures_in_a_row_ >= kMaxFailuresInARow) {
    writer_->wait();
    log_->finish(fmt::format("diverged at step {}", failed_step));
    throw Error(ErrorKind::diverged, "training diverged: " + what, run_dir(),
                "the checkpoints there are from before; lower lr, or set on_nan=skip or on_nan=rollback");
  }
  log_->message("warning: " + what + (config_.on_nan == "skip" ? "; batch skipped" : "; going back"));
  if (config_.on_nan == "rollback") rollback();
}

void Trainer::rollback() {
  writer_->wait();
  const auto newest = find_newest_valid(run_dir(), [this](const std::string& text) { log_->message(text); });
  if (!newest) {
    throw Error(ErrorKind::diverged, fmt::format("training diverged at step {} with no checkpoint to go back to", step_ + 1),
                run_dir(), "set checkpoint_interval");
  }
  restore(load_checkpoint(*newest, /*rank=*/0, /*world_size=*/1), /*keep_position=*/true);
  log_->rewind(step_);
  log_->message(fmt::format("rolled back to step {}; the data goes on behind the failed batch", step_));
}

bool Trainer::evaluate() {
  const auto start = std::chrono::steady_clock::now();
  log_->hide_progress();
  EvalResult result;
  {
    std::optional<EmaWeights> averaged;
    if (optimizer_ && config_.ema) averaged.emplace(*optimizer_);
    result = task_.evaluate(step_, run_dir());
  }
  if (result.stopped) return false;
  if (result.metrics.empty()) return true;
  log_->eval({.step = step_, .metrics = result.metrics, .seconds = seconds_since(start)});
  if (!result.pictures.empty()) log_->pictures(std::move(result.pictures));
  last_metrics_ = {result.metrics.begin(), result.metrics.end()};
  note_best(result.metrics);
  return true;
}

void Trainer::note_best(const NamedValues& metrics) {
  if (config_.best_metric.empty()) return;
  const double* value = find_metric(metrics, config_.best_metric);
  if (value == nullptr) {
    log_->message("warning: best_metric " + config_.best_metric + " is not among the evaluation's metrics");
    return;
  }
  if (!best_ || *value > *best_) {
    best_ = *value;
    evaluations_without_best_ = 0;
  } else {
    ++evaluations_without_best_;
  }
}

std::optional<TrainOutcome> Trainer::should_stop() const {
  if (stop_signal() != 0) return TrainOutcome::stopped_by_signal;
  if (config_.time_limit > 0 && seconds_since(started_) >= config_.time_limit) return TrainOutcome::time_limit;
  return std::nullopt;
}

TrainOutcome Trainer::finish(TrainOutcome outcome) {
  save();
  writer_->wait();
  switch (outcome) {
    case TrainOutcome::finished: log_->finish("finished"); break;
    case TrainOutcome::stopped_by_signal:
      log_->finish(stop_signal() == SIGINT ? "stopped by SIGINT" : "stopped by SIGTERM");
      break;
    case TrainOutcome::time_limit: log_->finish("stopped at time_limit"); break;
    case TrainOutcome::early_stop: log_->finish("stopped early: no better " + config_.best_metric); break;
  }
  if (const auto error = writer_->last_error()) {
    throw Error(ErrorKind::checkpoint, "the last checkpoint could not be written: " + *error, run_dir(),
                "free space and start again; older checkpoints are intact");
  }
  return outcome;
}

void Trainer::save() {
  Snapshot snapshot;
  snapshot.step = step_;
  snapshot.model = task_.model_state();
  if (optimizer_) {
    snapshot.ema = optimizer_->ema();
    snapshot.optimizer = optimizer_->state();
  }
  snapshot.state = task_.carry_state(config_.save_carry);
  snapshot.metrics = last_metrics_;
  snapshot.config_yaml = resolved_yaml_;
  snapshot.counters = {{"step", step_},
                       {"iteration", iteration_},
                       {"evaluation_due", evaluation_due_},
                       {"optimizer_steps", optimizer_ ? optimizer_->steps() : 0},
                       {"evaluations_without_best", evaluations_without_best_},
                       {"task", task_.counters()}};
  if (best_) snapshot.counters["best"] = *best_;
  log_->sync();
  writer_->save(snapshot);
}

void Trainer::restore(const Snapshot& snapshot, bool keep_position) {
  const auto& counters = snapshot.counters;
  copy_by_name(snapshot.model, task_.model_state(), "model");
  if (optimizer_) {
    optimizer_->restore(snapshot.optimizer, snapshot.ema, counters.at("optimizer_steps").get<int64_t>());
  }
  task_.restore(snapshot.state, counters.at("task"), keep_position);
  step_ = counters.at("step").get<int64_t>();
  if (keep_position) return;
  iteration_ = counters.at("iteration").get<int64_t>();
  evaluation_due_ = counters.at("evaluation_due").get<bool>();
  evaluations_without_best_ = counters.at("evaluations_without_best").get<int64_t>();
  if (counters.contains("best")) best_ = counters.at("best").get<double>();
  last_metrics_ = snapshot.metrics;
}

void Trainer::resume() {
  const auto newest = checkpoint_to_resume(config_);
  if (newest) restore(load_checkpoint(*newest, /*rank=*/0, /*world_size=*/1), /*keep_position=*/false);

  log_ = std::make_unique<RunLog>(RunLogOptions{.run_dir = run_dir(),
                                                .title = config_.run_name.value_or(""),
                                                .total_steps = plan_.total_steps,
                                                .resume_step = step_,
                                                .config_yaml = resolved_yaml_,
                                                .log_interval = config_.log_interval,
                                                .best_metric = config_.best_metric});
  write_file_atomically(run_dir() + "/config.yaml", resolved_yaml_);
  writer_ = std::make_unique<CheckpointWriter>(
      run_dir(), RetentionPolicy{.keep_last = config_.keep_checkpoints, .best_metric = config_.best_metric},
      [this](const std::string& text) { log_->message(text); });
  if (!newest) return;
  log_->message(fmt::format("resumed {} at step {}", newest->string(), step_));
  if (!config_.save_carry) log_->message("the checkpoint has no carry: puzzles in progress start again");
}

}  // namespace tern
