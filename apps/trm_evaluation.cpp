#include "apps/trm_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include "apps/trm_tensors.h"
#include "base/error.h"
#include "base/file.h"
#include "data/puzzles/arc_vote.h"
#include "engine/checkpoint/torch_file.h"
#include "engine/monitor/progress.h"
#include "engine/train/stop_signal.h"

namespace tern {

namespace {

constexpr size_t kPictures = 6;

// Sums of one set's metrics over its batches.
using MetricSums = std::vector<std::pair<std::string, double>>;

void add(MetricSums& sums, const MetricSums& more) {
  if (sums.empty()) {
    sums = more;
    return;
  }
  for (size_t i = 0; i < sums.size(); ++i) sums[i].second += more[i].second;
}

// Every sum divided by the count, named set/metric, as upstream.
void append_means(NamedValues& out, const std::string& set_name, const MetricSums& sums) {
  double count = 0;
  for (const auto& [name, value] : sums) {
    if (name == "count") count = value;
  }
  for (const auto& [name, value] : sums) {
    if (name != "count") out.emplace_back(set_name + "/" + name, value / count);
  }
}

// Token rows as grids. ARC's vocabulary of 12 over 900 cells: 0 padding, 1 end of grid, 2-11 colours; other squares are
// shown whole, their values shifted by the padding value.
Grid to_grid(const at::Tensor& tokens, const puzzles::Metadata& metadata, bool is_arc) {
  const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(metadata.seq_len)));
  if (side * side != metadata.seq_len) return {};
  const at::Tensor values = tokens.to(at::kCPU, at::kLong).view({side, side});
  const auto cell = [&](int64_t r, int64_t c) { return values[r][c].item<int64_t>(); };
  int64_t rows = side;
  int64_t cols = side;
  int64_t top = 0;
  int64_t left = 0;
  const int64_t first_value = is_arc ? 2 : 1;
  if (is_arc) {
    // The bounding box of the colours: training rows are shifted by a random pad.
    int64_t bottom = -1;
    int64_t right = -1;
    top = left = side;
    for (int64_t r = 0; r < side; ++r) {
      for (int64_t c = 0; c < side; ++c) {
        if (cell(r, c) < first_value) continue;
        top = std::min(top, r);
        left = std::min(left, c);
        bottom = std::max(bottom, r);
        right = std::max(right, c);
      }
    }
    if (bottom < 0) return {};
    rows = bottom - top + 1;
    cols = right - left + 1;
  }
  Grid grid{.rows = static_cast<int>(rows), .cols = static_cast<int>(cols)};
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      const int64_t value = cell(top + r, left + c) - first_value;
      grid.cells.push_back(static_cast<uint8_t>(std::clamp<int64_t>(value, 0, 255)));
    }
  }
  return grid;
}

PuzzlePicture picture(const trm::PuzzleBatch& batch, const at::Tensor& preds, int64_t row,
                      const puzzles::Metadata& metadata, bool is_arc) {
  const at::Tensor labels = batch.labels[row];
  const at::Tensor valid = labels != -100;
  PuzzlePicture out;
  out.title = "puzzle " + std::to_string(batch.puzzle_identifiers[row].item<int64_t>());
  out.input = to_grid(batch.inputs[row], metadata, is_arc);
  out.target = to_grid(labels.clamp_min(0), metadata, is_arc);
  // Cells that the loss ignores have no answer: they are shown as the target has them.
  out.prediction = to_grid(preds[row].to(at::kInt) * valid, metadata, is_arc);
  out.correct = ((preds[row] == labels) | ~valid).all().item<bool>();
  out.style = is_arc ? GridStyle::colours : GridStyle::digits;
  return out;
}

}  // namespace

TrmEvaluation::TrmEvaluation(const TrainConfig& config, at::Device device) : config_(config), device_(device) {}

TrmEvaluation::~TrmEvaluation() = default;

puzzles::LoaderConfig TrmEvaluation::loader_config() const {
  const auto& paths = config_.data_paths_test.empty() ? config_.data_paths : config_.data_paths_test;
  puzzles::LoaderConfig config;
  config.data_paths.assign(paths.begin(), paths.end());
  config.split = "test";
  config.test_set_mode = true;
  config.global_batch_size = config_.global_batch_size;
  return config;
}

EvalResult TrmEvaluation::run(trm::Trm& model, const std::string& loss_type, int64_t step,
                              const std::filesystem::path& run_dir) {
  try {
    return evaluate(model, loss_type, step, run_dir, /*strict=*/false);
  } catch (const Error& e) {
    fmt::print(stderr, "warning: evaluation failed, {}; training goes on\n", e.what());
    return {};
  }
}

EvalResult TrmEvaluation::run_or_throw(trm::Trm& model, const std::string& loss_type, int64_t step,
                                       const std::filesystem::path& run_dir) {
  return evaluate(model, loss_type, step, run_dir, /*strict=*/true);
}

EvalResult TrmEvaluation::evaluate(trm::Trm& model, const std::string& loss_type, int64_t step,
                                   const std::filesystem::path& run_dir, bool strict) {
  const at::NoGradGuard no_grad;
  puzzles::Loader loader(loader_config());
  open_votes(loader.metadata());
  const bool is_arc = loader.metadata().seq_len == 900 && loader.metadata().vocab_size == 12;

  EvalResult result;
  std::vector<std::pair<std::string, MetricSums>> sums;
  std::map<std::string, std::vector<at::Tensor>> saved;
  puzzles::Batch batch;
  ProgressBar progress({.label = "Evaluate", .total = count_examples(), .unit = "examples"});
  while (loader.next(batch)) {
    if (stop_signal() != 0) return {.metrics = {}, .pictures = {}, .stopped = true};
    const trm::PuzzleBatch tensors = to_tensors(batch, device_);
    const trm::ActStep step_result = trm::act_evaluate(model, tensors);
    const trm::Loss loss = trm::act_loss(step_result, loss_type);
    if (sums.empty() || sums.back().first != batch.set_name) sums.emplace_back(batch.set_name, MetricSums());
    add(sums.back().second, loss.metrics);
    vote(batch, loss, step_result.outputs);
    keep_outputs(saved, tensors, loss, step_result.outputs);
    for (int64_t i = 0; i < batch.num_examples && result.pictures.size() < kPictures; ++i) {
      result.pictures.push_back(picture(tensors, loss.preds, i, loader.metadata(), is_arc));
    }
    progress.add(batch.num_examples);
  }
  progress.finish();

  for (const auto& [set_name, set_sums] : sums) append_means(result.metrics, set_name, set_sums);
  save_outputs(saved, step, run_dir);
  finish_votes(step, run_dir, result.metrics, strict);
  return result;
}

int64_t TrmEvaluation::count_examples() const {
  int64_t count = 0;
  for (const auto& path : loader_config().data_paths) {
    for (const auto& set : puzzles::open_split(path, "test").sets) count += set.set->num_examples();
  }
  return count;
}

void TrmEvaluation::open_votes(const puzzles::Metadata& metadata) {
  if (votes_.empty()) {
    for (const EvaluatorConfig& evaluator : config_.evaluators) {
      for (const auto& path : loader_config().data_paths) {
        votes_.push_back({evaluator, std::make_unique<puzzles::ArcVote>(
                                         path, metadata.blank_identifier_id,
                                         puzzles::ArcVoteOptions{.pass_ks = evaluator.pass_Ks,
                                                                 .submission_k = evaluator.submission_K,
                                                                 .aggregated_voting = evaluator.aggregated_voting})});
      }
    }
  }
  for (Vote& entry : votes_) entry.vote->begin_eval();
}

void TrmEvaluation::vote(const puzzles::Batch& batch, const trm::Loss& loss, const trm::Outputs& outputs) {
  if (votes_.empty()) return;
  const at::Tensor preds = loss.preds.to(at::kCPU, at::kInt).contiguous();
  const at::Tensor q = outputs.q_halt_logits.to(at::kCPU, at::kDouble).contiguous();
  const auto span_of = [](const at::Tensor& tensor) {
    return std::span<const int32_t>(tensor.const_data_ptr<int32_t>(), static_cast<size_t>(tensor.numel()));
  };
  for (Vote& entry : votes_) {
    entry.vote->update({.inputs = batch.inputs.values(),
                        .preds = span_of(preds),
                        .puzzle_identifiers = batch.puzzle_identifiers.values(),
                        .q_halt_logits = {q.const_data_ptr<double>(), static_cast<size_t>(q.numel())}});
  }
}

void TrmEvaluation::finish_votes(int64_t step, const std::filesystem::path& run_dir, NamedValues& metrics,
                                 bool strict) {
  for (Vote& entry : votes_) {
    try {
      const puzzles::ArcScores scores = entry.vote->result();
      for (const std::string& puzzle : scores.unanswered) {
        fmt::print(stderr, "puzzle {} has no predictions\n", puzzle);
      }
      const auto folder = run_dir / fmt::format("evaluator_ARC_step_{}", step);
      std::filesystem::create_directories(folder);
      write_file_atomically(folder / "submission.json", scores.submission_json);
      metrics.insert(metrics.end(), scores.scores.begin(), scores.scores.end());
    } catch (const std::exception& e) {
      if (strict) throw;
      fmt::print(stderr, "warning: evaluator {} failed, {}; training goes on\n", entry.config.name, e.what());
    }
  }
}

void TrmEvaluation::keep_outputs(std::map<std::string, std::vector<at::Tensor>>& saved, const trm::PuzzleBatch& batch,
                                 const trm::Loss& loss, const trm::Outputs& outputs) const {
  const std::map<std::string, at::Tensor> available = {{"inputs", batch.inputs},
                                                       {"labels", batch.labels},
                                                       {"puzzle_identifiers", batch.puzzle_identifiers},
                                                       {"logits", outputs.logits},
                                                       {"q_halt_logits", outputs.q_halt_logits},
                                                       {"q_continue_logits", outputs.q_continue_logits},
                                                       {"preds", loss.preds}};
  for (const std::string& name : config_.eval_save_outputs) {
    const auto found = available.find(name);
    if (found != available.end()) saved[name].push_back(found->second.to(at::kCPU));
  }
}

void TrmEvaluation::save_outputs(const std::map<std::string, std::vector<at::Tensor>>& saved, int64_t step,
                                 const std::filesystem::path& run_dir) {
  if (saved.empty()) return;
  TensorList tensors;
  for (const auto& [name, parts] : saved) tensors.emplace_back(name, at::cat(parts));
  write_torch_file(run_dir / fmt::format("step_{}_all_preds.0", step), tensors);
}

}  // namespace tern
