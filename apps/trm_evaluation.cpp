#include "apps/trm_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "apps/puzzle_pictures.h"
#include "apps/saved_outputs.h"
#include "apps/trm_tensors.h"
#include "base/error.h"
#include "engine/monitor/progress.h"
#include "engine/train/stop_signal.h"
#include "models/trm/losses.h"

namespace tern {

namespace {

constexpr int64_t kPictures = 6;

using MetricSums = std::vector<std::pair<std::string, double>>;

// Sums of the batches' metrics, set by set.
class SetMetrics {
 public:
  void add(const std::string& set_name, const MetricSums& sums) {
    if (sets_.empty() || sets_.back().first != set_name) {
      sets_.emplace_back(set_name, sums);
      return;
    }
    for (size_t i = 0; i < sums.size(); ++i) sets_.back().second[i].second += sums[i].second;
  }

  // Every sum divided by the set's count, named set/metric, as upstream.
  [[nodiscard]] NamedValues means() const {
    NamedValues out;
    for (const auto& [set_name, sums] : sets_) {
      const auto count = std::find_if(sums.begin(), sums.end(), [](const auto& sum) { return sum.first == "count"; });
      for (const auto& [name, value] : sums) {
        if (name != "count") out.emplace_back(set_name + "/" + name, value / count->second);
      }
    }
    return out;
  }

 private:
  std::vector<std::pair<std::string, MetricSums>> sets_;
};

void check_fits(const trm::TrmConfig& model, const puzzles::Metadata& data, const std::string& path) {
  const auto refuse = [&](const std::string& what, int64_t of_data, int64_t of_model) {
    throw Error(ErrorKind::data, fmt::format("the test data has {} {} and the model {}", of_data, what, of_model), path,
                "build it together with the training data");
  };
  if (data.vocab_size != model.vocab_size) refuse("tokens in its vocabulary", data.vocab_size, model.vocab_size);
  if (data.seq_len != model.seq_len) refuse("cells an example", data.seq_len, model.seq_len);
  if (model.puzzle_emb_ndim > 0 && data.num_puzzle_identifiers > model.num_puzzle_identifiers) {
    refuse("puzzle identifiers", data.num_puzzle_identifiers, model.num_puzzle_identifiers);
  }
}

// Whether the example is among kPictures that lie evenly over all of them: neighbours are augmentations of one puzzle.
bool is_pictured(int64_t example, int64_t total) {
  const int64_t next = (example * kPictures + total - 1) / total;  // the first picture at or behind this example
  return next < kPictures && next * total / kPictures == example;
}

void vote(TrmVotes& votes, const puzzles::Batch& batch, const at::Tensor& preds, const at::Tensor& q_halt_logits,
          std::vector<std::string>& warnings) {
  if (votes.empty()) return;
  const at::Tensor tokens = preds.to(at::kCPU, at::kInt).contiguous();
  const at::Tensor q = q_halt_logits.to(at::kCPU, at::kDouble).contiguous();
  votes.update(batch.dataset,
               {.inputs = batch.inputs.values(),
                .preds = {tokens.const_data_ptr<int32_t>(), static_cast<size_t>(tokens.numel())},
                .puzzle_identifiers = batch.puzzle_identifiers.values(),
                .q_halt_logits = {q.const_data_ptr<double>(), static_cast<size_t>(q.numel())}},
               warnings);
}

}  // namespace

TrmEvaluation::TrmEvaluation(const TrainConfig& config, at::Device device, OnFailure on_failure)
    : config_(config),
      device_(device),
      on_failure_(on_failure),
      votes_(config.evaluators, loader_config().data_paths, on_failure) {}

puzzles::LoaderConfig TrmEvaluation::loader_config() const {
  const auto& paths = config_.data_paths_test.empty() ? config_.data_paths : config_.data_paths_test;
  puzzles::LoaderConfig config;
  config.data_paths.assign(paths.begin(), paths.end());
  config.split = "test";
  config.test_set_mode = true;
  config.global_batch_size = config_.global_batch_size;
  return config;
}

std::vector<std::string> TrmEvaluation::notices(const trm::TrmConfig& model) {
  std::vector<std::string> notices;
  try {
    const puzzles::Loader loader(loader_config());
    check_fits(model, loader.metadata(), loader_config().data_paths.front());
    votes_.open(loader.metadata().blank_identifier_id, notices);
  } catch (const Error& e) {
    if (!config_.data_paths_test.empty()) throw;
    notices.push_back(std::string("there will be no evaluation, ") + e.what());
  }
  for (std::string& notice : notices) notice = "warning: " + notice;
  return notices;
}

EvalResult TrmEvaluation::run(trm::Trm& model, const std::string& loss_type, int64_t step,
                              const std::filesystem::path& folder, OutputLayout layout) {
  try {
    return evaluate(model, loss_type, step, folder, layout);
  } catch (const Error& e) {
    if (on_failure_ == OnFailure::raise) throw;
    votes_.cancel();
    return {.metrics = {}, .pictures = {}, .warnings = {std::string("no evaluation, ") + e.what()}};
  }
}

EvalResult TrmEvaluation::evaluate(trm::Trm& model, const std::string& loss_type, int64_t step,
                                   const std::filesystem::path& folder, OutputLayout layout) {
  const at::NoGradGuard no_grad;
  puzzles::Loader loader(loader_config());
  check_fits(model.config(), loader.metadata(), loader_config().data_paths.front());
  const int64_t total = loader.num_examples();
  EvalResult result;
  votes_.begin(loader.metadata().blank_identifier_id, result.warnings);

  SetMetrics sums;
  SavedOutputs saved(config_.eval_save_outputs);
  puzzles::Batch batch;
  int64_t done = 0;
  ProgressBar progress({.label = "Evaluate", .total = total, .unit = "examples"});
  while (loader.next(batch)) {
    if (stop_signal() != 0) {
      votes_.cancel();
      return {.metrics = {}, .pictures = {}, .warnings = {}, .stopped = true};
    }
    const trm::PuzzleBatch tensors = to_tensors(batch, device_);
    const trm::ActStep step_result = trm::act_evaluate(model, tensors);
    const trm::Loss loss = trm::act_loss(step_result, loss_type);
    sums.add(batch.set_name, loss.metrics);
    vote(votes_, batch, loss.preds, step_result.outputs.q_halt_logits, result.warnings);
    saved.add(tensors, step_result.outputs, loss.preds);
    for (int64_t row = 0; row < batch.num_examples; ++row) {
      if (!is_pictured(done + row, total)) continue;
      result.pictures.push_back(
          make_picture(tensors, loss.preds, row, loader.metadata(), picture_title(batch, row, done + row)));
    }
    done += batch.num_examples;
    progress.add(batch.num_examples);
  }
  progress.finish();

  result.metrics = sums.means();
  saved.write(folder / fmt::format("step_{}_all_preds.0", step));
  const auto folder_of = [&](const std::string& name) {
    if (layout == OutputLayout::run_folder) return folder / fmt::format("evaluator_{}_step_{}", name, step);
    return name == "ARC" ? folder : folder / name;
  };
  votes_.finish(folder_of, result.metrics, result.warnings);
  return result;
}

std::string TrmEvaluation::picture_title(const puzzles::Batch& batch, int64_t row, int64_t example) const {
  const std::string name = votes_.puzzle_name(batch.dataset, batch.puzzle_identifiers[static_cast<size_t>(row)]);
  return name.empty() ? "example " + std::to_string(example) : name;
}

}  // namespace tern
