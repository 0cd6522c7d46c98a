#include "engine/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/memory/device_memory.h"
#include "engine/monitor/history.h"
#include "engine/optim/adam_atan2_optimizer.h"
#include "engine/optim/schedule.h"
#include "engine/train/stop_signal.h"
#include "kernels/sign_sgd/sign_sgd.h"

namespace tern {

namespace {

// A run that meets NaN this many times without getting past the step where it first did is lost.
constexpr int64_t kMaxFailures = 10;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Null where there is nothing to train: the weights are frozen.
std::unique_ptr<Optimizer> make_optimizer(const TrainConfig& config, Task& task) {
  const TensorList parameters = task.parameters();
  if (parameters.empty()) return nullptr;
  if (auto own = task.make_optimizer()) return own;
  const AdamATan2Options options{.beta1 = config.beta1,
                                 .beta2 = config.beta2,
                                 .weight_decay = config.weight_decay,
                                 .ema = config.ema,
                                 .ema_decay = config.ema_rate,
                                 .fast_atan2 = config.fast_atan2};
  return std::make_unique<AdamATan2Optimizer>(parameters, options, task.shadows());
}

std::optional<double> find_metric(const NamedValues& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
  }
  return std::nullopt;
}

bool is_finite(const StepResult& result, double grad_norm, const std::optional<SparseRows>& rows) {
  const double sparse_norm = rows ? rows->grads.norm().item<double>() : 0.0;
  return std::isfinite(result.loss) && std::isfinite(grad_norm) && std::isfinite(sparse_norm);
}

// The sign of a NaN means nothing.
std::string number_text(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{}", value);
}

std::string status_of(TrainOutcome outcome, const std::string& best_metric) {
  switch (outcome) {
    case TrainOutcome::finished: return "finished";
    case TrainOutcome::stopped_by_signal: return stop_signal() == SIGINT ? "stopped by SIGINT" : "stopped by SIGTERM";
    case TrainOutcome::time_limit: return "stopped at time_limit";
    case TrainOutcome::early_stop: return "stopped early: no better " + best_metric;
  }
  return "";
}

}  // namespace

Trainer::Trainer(const TrainConfig& config, const TrainPlan& plan, Task& task, std::string resolved_yaml,
                 ProcessGroup* group)
    : config_(config),
      plan_(plan),
      task_(task),
      resolved_yaml_(std::move(resolved_yaml)),
      group_(group != nullptr ? *group : alone_),
      optimizer_(make_optimizer(config, task)) {}

Trainer::~Trainer() = default;

TrainOutcome Trainer::run() {
  start();
  while (!is_done()) {
    if (const auto outcome = reason_to_stop()) return finish(*outcome);
    if (!state_.evaluation_due) {
      train_next_batch();
    } else {
      finish_iteration();
    }
  }
  return finish(TrainOutcome::finished);
}

// A signal may have reached one rank only, and clocks differ: the ranks agree, a signal going first.
std::optional<TrainOutcome> Trainer::reason_to_stop() {
  const bool late = config_.time_limit > 0 && seconds_since(started_) >= config_.time_limit;
  const int64_t agreed = group_.largest(2 * stop_signal() + (late ? 1 : 0));
  if (agreed > 1) {
    set_stop_signal(static_cast<int>(agreed / 2));
    return TrainOutcome::stopped_by_signal;
  }
  if (agreed == 1) return TrainOutcome::time_limit;
  if (config_.early_stop > 0 && state_.evaluations_without_best >= config_.early_stop) return TrainOutcome::early_stop;
  return std::nullopt;
}

void Trainer::train_next_batch() {
  saved_ = false;
  if (!task_.next_batch()) {
    state_.evaluation_due = true;
    return;
  }
  if (state_.step >= plan_.total_steps) {
    // The plan is an estimate, and the iteration may hold more batches. Upstream takes them without a step, and its
    // averages move on towards the weights.
    if (optimizer_) optimizer_->update_ema();
    return;
  }
  const bool stepped = train_step();
  if (stepped && config_.checkpoint_interval > 0 && state_.step % config_.checkpoint_interval == 0) save();
}

// One step on the drawn batch. False: it was not finite, and on_nan took its course.
bool Trainer::train_step() {
  const auto start = std::chrono::steady_clock::now();

  const StepResult result = task_.forward_backward();
  const std::optional<SparseRows> rows = task_.sparse_rows();
  if (optimizer_) optimizer_->reduce_gradients();
  const double grad_norm = optimizer_ ? optimizer_->grad_norm() : 0.0;
  if (!is_finite(result, grad_norm, rows)) {
    handle_non_finite(result.loss, grad_norm);
    return false;
  }
  ++state_.step;
  if (state_.step >= failed_step_) failures_ = 0;
  state_.metrics.clear();
  apply_gradients(rows);
  task_.accept_step();

  StepReport report{
      .step = state_.step,
      .loss = result.loss,
      .lr = optimizer_ ? optimizer_->rate(learning_rate(config_.lr)) : learning_rate(config_.puzzle_emb_lr),
      .examples = result.examples,
      .metrics = result.metrics};
  if (optimizer_) report.metrics.emplace_back("train/grad_norm", grad_norm);
  report.metrics.emplace_back("train/lr", report.lr);
  report.seconds = seconds_since(start);
  report.memory_bytes = peak_device_bytes(task_.device());
  log_->step(report);
  return true;
}

void Trainer::apply_gradients(std::optional<SparseRows> rows) {
  if (rows) {
    kernels::sign_sgd_sparse_step(rows->weights, rows->grads, rows->ids, learning_rate(config_.puzzle_emb_lr),
                                  config_.puzzle_emb_weight_decay);
  }
  if (!optimizer_) return;
  optimizer_->step(learning_rate(config_.lr));
  optimizer_->zero_grad();
}

double Trainer::learning_rate(double base) const {
  return cosine_lr(base, state_.step, {config_.lr_warmup_steps, plan_.total_steps, config_.lr_min_ratio});
}

// The iteration's data is used up: evaluate, save, go on to the next one.
void Trainer::finish_iteration() {
  const bool wanted = state_.iteration >= config_.min_eval_interval;
  if (wanted && !evaluate()) return;  // cut short by a stop signal; to be done again by the resumed run
  saved_ = false;
  state_.evaluation_due = false;
  ++state_.iteration;
  if (state_.step >= plan_.total_steps) state_.iteration = plan_.total_iterations;  // the data gave more than planned
  if (wanted && config_.checkpoint_every_eval && !is_done()) save();
}

// False when a stop signal cut it short.
bool Trainer::evaluate() {
  const auto start = std::chrono::steady_clock::now();
  log_->hide_progress();
  EvalResult result;
  {
    std::optional<EmaWeights> averaged;
    if (optimizer_ && config_.ema) averaged.emplace(*optimizer_);
    result = task_.evaluate(state_.step, run_dir());
  }
  for (const std::string& message : result.messages) log_->message(message);
  for (const std::string& warning : result.warnings) log_->message("warning: " + warning);
  if (result.stopped) return false;
  if (result.metrics.empty()) return true;
  log_->eval({.step = state_.step, .metrics = result.metrics, .seconds = seconds_since(start)});
  if (!result.pictures.empty()) log_->pictures(std::move(result.pictures));
  state_.metrics = {result.metrics.begin(), result.metrics.end()};
  note_best(result.metrics);
  return true;
}

void Trainer::note_best(const NamedValues& metrics) {
  if (config_.best_metric.empty()) return;
  const std::optional<double> value = find_metric(metrics, config_.best_metric);
  if (!value) {
    std::string names;
    for (const auto& [name, ignored] : metrics) names += (names.empty() ? "" : ", ") + name;
    log_->message("warning: best_metric " + config_.best_metric + " is not among the evaluation's metrics: " + names);
    return;
  }
  const double sign = smaller_is_better(config_.best_metric) ? -1 : 1;
  if (std::isfinite(*value) && (!state_.best || sign * *value > sign * *state_.best)) {
    state_.best = *value;
    state_.evaluations_without_best = 0;
  } else {
    ++state_.evaluations_without_best;
  }
}

void Trainer::handle_non_finite(double loss, double grad_norm) {
  if (optimizer_) optimizer_->zero_grad();
  const std::string what = fmt::format("loss {} and gradient norm {} at step {}", number_text(loss),
                                       number_text(grad_norm), state_.step + 1);
  failed_step_ = std::max(failed_step_, state_.step + 1);
  if (config_.on_nan == "stop" || ++failures_ >= kMaxFailures) diverged(what);
  log_->message("warning: " + what + (config_.on_nan == "skip" ? "; batch skipped" : "; going back"));
  if (config_.on_nan == "rollback") rollback();
}

TrainOutcome Trainer::finish(TrainOutcome outcome) {
  save_what_is_unsaved();
  const std::string status = status_of(outcome, config_.best_metric);
  log_->message(fmt::format("{} at step {} of {}; checkpoints and report.html are in {}", status, state_.step,
                            plan_.total_steps, run_dir()));
  log_->finish(status);
  if (const auto error = writer_->last_error()) {
    throw Error(ErrorKind::checkpoint, "the last checkpoint could not be written: " + *error, run_dir(),
                "free space and start again; older checkpoints are intact");
  }
  return outcome;
}

}  // namespace tern
