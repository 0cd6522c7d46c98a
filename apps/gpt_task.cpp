#include "apps/gpt_task.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <utility>

#include "apps/gpt_core.h"
#include "base/error.h"
#include "models/gpt/loss.h"

namespace tern {

namespace {

constexpr double kSmoothing = 0.9;

using nlohmann::ordered_json;

// [[window, "fused"], ...]
ordered_json to_json(const gpt::Gpt::AttentionBackends& backends) {
  ordered_json list = ordered_json::array();
  for (const auto& [window, backend] : backends) list.push_back({window, kernels::attention_backend_name(backend)});
  return list;
}

gpt::Gpt::AttentionBackends to_backends(const ordered_json& list) {
  gpt::Gpt::AttentionBackends backends;
  for (const ordered_json& one : list) {
    backends[one.at(0).get<int64_t>()] = kernels::parse_attention_backend(one.at(1).get<std::string>());
  }
  return backends;
}

}  // namespace

int64_t accumulation_steps(const GptTaskOptions& options, int64_t seq_len, int64_t world_size) {
  const int64_t at_once = options.device_batch_size * seq_len * world_size;
  if (options.total_batch_size >= at_once && options.total_batch_size % at_once == 0) {
    return options.total_batch_size / at_once;
  }
  const int64_t above = (options.total_batch_size / at_once + 1) * at_once;
  throw Error(ErrorKind::usage,
              "total_batch_size=" + std::to_string(options.total_batch_size) + " is not a multiple of " +
                  std::to_string(at_once) + " tokens (device_batch_size " + std::to_string(options.device_batch_size) +
                  " x " + std::to_string(seq_len) + " x " + std::to_string(world_size) + " ranks)",
              "in the configuration", "use total_batch_size=" + std::to_string(above));
}

int64_t trained_vocab_size(const nlohmann::ordered_json& counters, const std::string& where) {
  const auto task = counters.find("task");
  if (task == counters.end() || !task->contains("vocab_size")) {
    throw Error(ErrorKind::checkpoint, "this is not a checkpoint of gpt_train", where);
  }
  return task->at("vocab_size").get<int64_t>();
}

GptTask::GptTask(gpt::Gpt& model, text::Tokenizer tokenizer, OpenDocuments open_documents, GptTaskOptions options,
                 MakeOptimizer make_optimizer, ProcessGroup* group)
    : model_(model),
      tokenizer_(std::move(tokenizer)),
      open_documents_(std::move(open_documents)),
      options_(std::move(options)),
      make_optimizer_(std::move(make_optimizer)),
      group_(group != nullptr ? *group : alone_),
      accumulation_(accumulation_steps(options_, model.config().sequence_len, group_.world_size())) {
  check_vocabulary(model_.config(), tokenizer_);
  if (options_.core_metric_every > 0 && !std::filesystem::exists(options_.eval_bundle)) {
    notices_.push_back("no folder " + options_.eval_bundle.string() + ": the CORE metric is left out");
  } else if (options_.core_metric_every > 0) {
    core_tasks_ = text::read_core_bundle(options_.eval_bundle, options_.core_metric_max_per_task);
  }
  loader_ = make_loader(text::Split::train, std::nullopt);
}

// before: of the run that is resumed. All ranks take what rank 0 finds best.
void GptTask::choose_attention(const gpt::Gpt::AttentionBackends& before) {
  if (group_.leads())
    std::ranges::move(model_.choose_attention_backends(options_.attention_backend, before),
                      std::back_inserter(notices_));
  const std::string chosen = group_.broadcast_text(to_json(model_.attention_backends()).dump());
  if (group_.leads()) return;
  (void)model_.choose_attention_backends("auto", to_backends(ordered_json::parse(chosen)));
}

std::unique_ptr<text::PackingLoader> GptTask::make_loader(text::Split split,
                                                          const std::optional<text::LoaderState>& resume) const {
  text::LoaderOptions loader;
  loader.batch_size = options_.device_batch_size;
  loader.seq_len = model_.config().sequence_len;
  loader.rank = group_.rank();
  loader.world_size = group_.world_size();
  loader.packing = options_.packing;
  loader.threads = options_.threads;
  return std::make_unique<text::PackingLoader>(open_documents_(split), tokenizer_, loader, resume);
}

bool GptTask::is_due(int64_t step, int64_t every) const {
  return every > 0 && (step == options_.num_iterations || step % every == 0);
}

bool GptTask::evaluates_at(int64_t step) const {
  if (is_due(step, options_.eval_every)) return true;
  if (step == 0) return false;  // CORE and samples of a model that has seen nothing
  return (!core_tasks_.empty() && is_due(step, options_.core_metric_every)) || is_due(step, options_.sample_every);
}

int64_t GptTask::evaluations_before(int64_t end) const {
  int64_t count = 0;
  for (int64_t step = 0; step < end; ++step) count += evaluates_at(step) ? 1 : 0;
  return count;
}

int64_t GptTask::total_iterations() const {
  // The last one ends with the last step, whether something is evaluated then or not.
  return evaluations_before(options_.num_iterations) + 1;
}

std::optional<int64_t> GptTask::iterations_done() {
  const bool here = evaluates_at(steps_) && evaluated_at_ == steps_;
  return evaluations_before(steps_) + (here ? 1 : 0);
}

StepDisplay GptTask::display() {
  const auto tokens = static_cast<double>(model_.config().sequence_len);
  return {.unit = "tok",
          .units_per_example = tokens,
          .flops_per_example = tokens * options_.flops_per_token,
          .peak_flops = options_.peak_flops * static_cast<double>(group_.world_size()),
          .eta = true,
          .loss = "train/loss_smooth"};
}

// An iteration of the loop ends wherever something is to be evaluated.
bool GptTask::next_batch() {
  if (evaluates_at(steps_) && evaluated_at_ != steps_) {
    evaluated_at_ = steps_;
    return false;
  }
  if (steps_ >= options_.num_iterations) return false;
  step_batches_.clear();
  for (int64_t i = 0; i < accumulation_; ++i) step_batches_.push_back(loader_->next());
  position_ = step_batches_.back().state;
  return true;
}

StepResult GptTask::forward_backward() {
  std::vector<at::Tensor> losses;  // read at the end: to read one is to wait for the device
  for (const text::TokenBatch& batch : step_batches_) {
    const TokenTensors tensors = to_tensors(batch, model_.device());
    const gpt::Loss loss =
        gpt::token_loss(model_, model_.hidden(tensors.inputs), tensors.targets, 1 / static_cast<double>(accumulation_));
    loss.mean.backward();
    losses.push_back(loss.mean.detach());
  }
  step_loss_ = 0;
  for (const at::Tensor& loss : losses) step_loss_ += loss.item<double>();
  step_loss_ = group_.sum(step_loss_) / group_.world_size();
  const double smooth = kSmoothing * smooth_loss_ + (1 - kSmoothing) * step_loss_;
  StepResult result;
  result.loss = step_loss_;
  result.examples = options_.device_batch_size * accumulation_ * group_.world_size();
  result.metrics = {{"train/loss_smooth", smooth / (1 - std::pow(kSmoothing, static_cast<double>(steps_ + 1)))},
                    {"train/tokens", static_cast<double>((steps_ + 1) * options_.total_batch_size)},
                    {"train/epoch", static_cast<double>(position_->position.epoch)}};
  return result;
}

void GptTask::accept_step() {
  smooth_loss_ = kSmoothing * smooth_loss_ + (1 - kSmoothing) * step_loss_;
  ++steps_;
}

EvalResult GptTask::evaluate(int64_t step, const std::filesystem::path& run_dir) {
  EvalResult result;
  if (is_due(step, options_.eval_every)) {
    const int64_t at_once = options_.device_batch_size * model_.config().sequence_len * group_.world_size();
    const auto loader = make_loader(text::Split::validation, std::nullopt);
    const gpt::BitsPerByte own =
        bits_per_byte(model_, *loader, std::max<int64_t>(1, options_.eval_tokens / at_once), tokenizer_);
    const double bpb = sum_over_ranks(own, group_).value();
    if (!best_bpb_ || bpb < *best_bpb_) best_bpb_ = bpb;
    result.metrics.emplace_back("val/bpb", bpb);
    result.metrics.emplace_back("val/best_bpb", *best_bpb_);
  }
  if (step == 0) return result;
  if (!core_tasks_.empty() && is_due(step, options_.core_metric_every)) evaluate_core(result);
  if (is_due(step, options_.sample_every) && group_.leads()) result.messages = write_samples(step, run_dir);
  return result;
}

void GptTask::evaluate_core(EvalResult& result) {
  const CoreResult core = tern::evaluate_core(model_, tokenizer_, core_tasks_, {}, &group_);
  for (const CoreTaskResult& task : core.tasks) result.metrics.emplace_back("core/" + task.label, task.centered);
  result.metrics.emplace_back("core/metric", core.core_metric);
}

std::vector<std::string> GptTask::write_samples(int64_t step, const std::filesystem::path& run_dir) {
  std::ofstream file(run_dir / "samples.txt", std::ios::app);
  file << "step " << step << "\n";
  std::vector<std::string> samples;
  for (const std::string& prompt : sample_prompts()) {
    gpt::GenerateOptions options;
    options.sampling.temperature = 0;
    samples.push_back(complete(model_, tokenizer_, prompt, options).at(0));
    file << samples.back() << "\n";
  }
  file.flush();
  if (!file) {
    throw Error(ErrorKind::data, "could not write the samples", (run_dir / "samples.txt").string(), "free some space");
  }
  return samples;
}

nlohmann::ordered_json GptTask::counters() {
  nlohmann::ordered_json counters = {{"vocab_size", model_.config().vocab_size},
                                     {"steps", steps_},
                                     {"evaluated_at", evaluated_at_},
                                     {"smooth_loss", smooth_loss_}};
  if (best_bpb_) counters["best_bpb"] = *best_bpb_;
  counters["attention_backends"] = to_json(model_.attention_backends());
  if (position_) counters["loader"] = position_->to_json();
  return counters;
}

void GptTask::restore(const TensorList&, const nlohmann::ordered_json& counters, bool keep_position) {
  try {
    if (counters.at("vocab_size").get<int64_t>() != model_.config().vocab_size) {
      throw Error(ErrorKind::data,
                  "the tokenizer has " + std::to_string(model_.config().vocab_size) +
                      " tokens, the checkpoint's model " + counters.at("vocab_size").dump(),
                  "", "use the tokenizer that the model was trained with");
    }
    steps_ = counters.at("steps").get<int64_t>();
    evaluated_at_ = counters.at("evaluated_at").get<int64_t>();
    smooth_loss_ = counters.at("smooth_loss").get<double>();
    best_bpb_.reset();
    if (counters.contains("best_bpb")) best_bpb_ = counters.at("best_bpb").get<double>();
    if (keep_position) return;
    choose_attention(to_backends(counters.value("attention_backends", ordered_json::array())));
    std::optional<text::LoaderState> state;
    if (counters.contains("loader")) {
      state = text::LoaderState::from_json(counters.at("loader").get<std::string>(), "the checkpoint");
      if (state->world_size != group_.world_size()) {  // the ranks' slices are others: as nanochat goes on
        const text::DocumentAddress& next = state->position.next;
        state = text::LoaderState::after_row_group(next.file, next.row_group, state->position.epoch, group_.rank(),
                                                   group_.world_size());
      }
    }
    position_ = state ? std::make_shared<const text::LoaderState>(*state) : nullptr;
    loader_ = make_loader(text::Split::train, state);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::checkpoint, std::string("unexpected counters: ") + error.what(), "the checkpoint");
  }
}

}  // namespace tern
