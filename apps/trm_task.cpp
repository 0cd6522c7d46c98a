#include "apps/trm_task.h"

#include <map>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include "apps/trm_tensors.h"
#include "base/error.h"
#include "engine/checkpoint/weights.h"

namespace tern {

namespace {

constexpr int kPrefetchBatches = 4;

puzzles::LoaderConfig train_loader_config(const TrainConfig& train) {
  puzzles::LoaderConfig config;
  config.data_paths.assign(train.data_paths.begin(), train.data_paths.end());
  config.split = "train";
  config.global_batch_size = train.global_batch_size;
  config.epochs_per_iter = train.eval_interval.value_or(train.epochs);
  config.seed = static_cast<uint64_t>(train.seed);
  return config;
}

// "train/" names as upstream logs them: losses per example of the batch, everything else per halted example.
NamedValues per_example(const NamedValues& sums, int64_t global_batch_size) {
  double count = 0;
  for (const auto& [name, value] : sums) {
    if (name == "count") count = value;
  }
  NamedValues out;
  for (const auto& [name, value] : sums) {
    const double divisor = name.ends_with("loss") ? static_cast<double>(global_batch_size) : std::max(count, 1.0);
    out.emplace_back("train/" + name, value / divisor);
  }
  return out;
}

void check_carry(const trm::Carry& saved, const trm::Latents& own) {
  const int64_t rows = saved.latents.z_H.size(0);
  const std::string fix = "resume with the run's own settings and data, or take only its weights with load_checkpoint";
  if (rows != own.z_H.size(0)) {
    throw Error(
        ErrorKind::checkpoint,
        fmt::format("the checkpoint has {} puzzles in progress and global_batch_size is {}", rows, own.z_H.size(0)), "",
        fix);
  }
  if (saved.latents.z_H.sizes() != own.z_H.sizes() || saved.latents.z_H.dtype() != own.z_H.dtype()) {
    throw Error(
        ErrorKind::checkpoint,
        fmt::format("the checkpoint's puzzles in progress don't fit this architecture or data: {} x {} {} a puzzle, "
                    "here {} x {} {}",
                    saved.latents.z_H.size(1), saved.latents.z_H.size(2), saved.latents.z_H.dtype().name(),
                    own.z_H.size(1), own.z_H.size(2), own.z_H.dtype().name()),
        "", fix);
  }
}

// None in a checkpoint of a model without attention, or of a version that didn't keep it.
std::optional<kernels::AttentionBackend> saved_backend(const nlohmann::ordered_json& counters) {
  if (!counters.contains("attention_backend")) return std::nullopt;
  return kernels::parse_attention_backend(counters["attention_backend"].get<std::string>());
}

}  // namespace

TrmTask::TrmTask(const TrmJob& job, at::Device device)
    : job_(job),
      device_(device),
      loader_(train_loader_config(job.train)),
      generator_(at::detail::createCPUGenerator(static_cast<uint64_t>(job.train.seed))),
      evaluation_(job.train, device, OnFailure::warn) {
  metadata_ = loader_->metadata();
  model_ =
      std::make_unique<trm::Trm>(complete_config(job.arch, job.train.global_batch_size, metadata_), generator_, device);
  model_->set_trainable(!job.train.freeze_weights);
}

TrainPlan TrmTask::plan() const {
  const TrainConfig& train = job_.train;
  TrainPlan plan;
  // Multiplied in upstream's order, so that the float64 result truncates to the same number.
  plan.total_steps =
      static_cast<int64_t>(static_cast<double>(train.epochs * metadata_.total_groups) * metadata_.mean_puzzle_examples /
                           static_cast<double>(train.global_batch_size));
  plan.total_iterations = train.epochs / train.eval_interval.value_or(train.epochs);
  return plan;
}

int64_t TrmTask::num_params() const {
  int64_t count = 0;
  for (const auto& [name, tensor] : model_->parameters()) count += tensor.numel();
  return count;
}

// before: of the run that is resumed.
void TrmTask::choose_attention(std::optional<kernels::AttentionBackend> before) {
  std::string why = model_->choose_attention_backend(job_.train.attention_backend, before);
  if (!why.empty()) notices_.push_back(std::move(why));
}

void TrmTask::begin() {
  choose_attention(std::nullopt);
  if (!job_.train.load_checkpoint) return;
  const auto remark = [&](const std::string& text) { notices_.push_back(text); };
  const Weights weights = read_weights(*job_.train.load_checkpoint, WeightSet::ema_if_any, remark);
  load_model_weights(*model_, weights.tensors, weights.source, remark);
  remark(std::string("starting from the ") + (weights.ema ? "averaged " : "") + "weights of " + weights.source);
}

std::vector<std::string> TrmTask::notices() {
  std::vector<std::string> all = notices_;
  for (std::string& text : evaluation_.notices(model_->config())) all.push_back(std::move(text));
  return all;
}

bool TrmTask::next_batch() {
  if (!prefetcher_) {
    prefetcher_ = std::make_unique<puzzles::Prefetcher>(std::move(*loader_), kPrefetchBatches);
    loader_.reset();
  }
  return prefetcher_->next(batch_);
}

puzzles::LoaderState TrmTask::loader_state() const {
  return prefetcher_ ? prefetcher_->state() : loader_->state();
}

StepResult TrmTask::forward_backward() {
  const trm::PuzzleBatch batch = to_tensors(batch_, device_);
  if (!carry_) carry_ = trm::initial_carry(*model_, batch);
  trm::ActStep step = trm::act_train_step(*model_, *carry_, batch, generator_);
  const trm::Loss loss = trm::act_loss(step, job_.arch.loss_type);
  (loss.total / static_cast<double>(batch_.global_size)).backward();
  next_carry_ = std::move(step.carry);

  StepResult result;
  result.loss = loss.total.item<double>() / static_cast<double>(batch_.global_size);
  result.metrics = per_example(loss.metrics, batch_.global_size);
  result.examples = batch_.global_size;
  return result;
}

void TrmTask::accept_step() {
  carry_ = std::move(next_carry_);
}

TensorList TrmTask::parameters() {
  return job_.train.freeze_weights ? TensorList{} : model_->parameters();
}

TensorList TrmTask::model_state() {
  return model_->state();
}

std::optional<SparseRows> TrmTask::sparse_rows() {
  const trm::PuzzleEmbedding& embedding = model_->puzzle_embedding();
  if (!embedding.weights.defined()) return std::nullopt;
  return SparseRows{embedding.weights, embedding.local_weights.grad(), embedding.local_ids};
}

EvalResult TrmTask::evaluate(int64_t step, const std::filesystem::path& run_dir) {
  return evaluation_.run(*model_, job_.arch.loss_type, step, run_dir, OutputLayout::run_folder);
}

TensorList TrmTask::carry_state(bool with_carry) {
  TensorList out = evaluation_.votes().save();
  out.emplace_back("generator", generator_.get_state());
  if (!with_carry || !carry_) return out;
  const trm::Carry& carry = *carry_;
  out.emplace_back("carry.z_H", carry.latents.z_H);
  out.emplace_back("carry.z_L", carry.latents.z_L);
  out.emplace_back("carry.steps", carry.steps);
  out.emplace_back("carry.halted", carry.halted);
  out.emplace_back("carry.inputs", carry.data.inputs);
  out.emplace_back("carry.labels", carry.data.labels);
  out.emplace_back("carry.puzzle_identifiers", carry.data.puzzle_identifiers);
  return out;
}

nlohmann::ordered_json TrmTask::counters() {
  nlohmann::ordered_json counters = {{"loader", puzzles::to_json(loader_state())}, {"has_carry", carry_.has_value()}};
  if (const auto backend = model_->attention_backend()) {
    counters["attention_backend"] = kernels::attention_backend_name(*backend);
  }
  return counters;
}

void TrmTask::restore(const TensorList& carry_state, const nlohmann::ordered_json& counters, bool keep_position) {
  const std::map<std::string, at::Tensor> saved(carry_state.begin(), carry_state.end());
  const auto generator = saved.find("generator");
  if (generator == saved.end() || !counters.contains("loader")) {
    throw Error(ErrorKind::checkpoint, "its state is not a TRM training run's", "", "resume another checkpoint");
  }
  generator_.set_state(generator->second);
  evaluation_.votes().restore(carry_state);
  carry_.reset();
  if (saved.contains("carry.z_H")) {
    carry_ = saved_carry(saved);
  } else if (counters.value("has_carry", false)) {
    notices_.push_back("the checkpoint was written with save_carry=False: puzzles in progress start afresh");
  }
  if (keep_position) return;
  choose_attention(saved_backend(counters));
  TERN_CHECK(loader_.has_value(), "the position moves before the first batch is drawn");
  loader_->restore(puzzles::parse_loader_state(counters["loader"].get<std::string>()));
}

trm::Carry TrmTask::saved_carry(const std::map<std::string, at::Tensor>& saved) const {
  const auto take = [&](const std::string& name) { return saved.at("carry." + name).to(device_); };
  trm::Carry carry{.latents = {take("z_H"), take("z_L")},
                   .steps = take("steps"),
                   .halted = take("halted"),
                   .data = {take("inputs"), take("labels"), take("puzzle_identifiers")}};
  check_carry(carry, model_->empty_latents(job_.train.global_batch_size));
  return carry;
}

}  // namespace tern
