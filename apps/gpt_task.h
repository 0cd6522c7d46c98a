// The GPT on the engine's loop: model, loss, loader and evaluation as a Task.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "apps/gpt_documents.h"
#include "apps/gpt_evaluation.h"
#include "data/text/core_bundle.h"
#include "engine/distributed/process_group.h"
#include "engine/train/task.h"

namespace tern {

// Cadences count steps; -1 (or 0) switches a thing off. Whatever is on also happens after the last step, and
// bits per byte are measured before the first one, too.
struct GptTaskOptions {
  int64_t device_batch_size = 32;     // rows of a micro-batch
  int64_t total_batch_size = 524288;  // tokens of a step, over all micro-batches and ranks
  int64_t num_iterations = 1;
  int64_t eval_every = 250;  // bits per byte on the validation split
  int64_t eval_tokens = 80 * 524288;
  int64_t core_metric_every = 2000;
  int64_t core_metric_max_per_task = 500;
  std::filesystem::path eval_bundle;
  int64_t sample_every = 2000;
  text::Packing packing = text::Packing::best_fit;  // of training and validation batches
  int threads = 4;                                  // that encode documents
  double flops_per_token = 0;
  double peak_flops = 0;  // per second and rank; 0: unknown
  std::string attention_backend = "auto";
};

// Micro-batches that a step's gradient is accumulated from. Throws Error(usage) unless total_batch_size is a multiple
// of what all ranks take at once.
[[nodiscard]] int64_t accumulation_steps(const GptTaskOptions& options, int64_t seq_len, int64_t world_size);

// The vocabulary of the model that wrote these counters of a checkpoint. Throws Error(checkpoint) naming `where` for
// counters that are not a GptTask's.
[[nodiscard]] int64_t trained_vocab_size(const nlohmann::ordered_json& counters, const std::string& where);

class GptTask : public Task {
 public:
  using MakeOptimizer = std::function<std::unique_ptr<Optimizer>()>;

  // model and group must outlive the task; group: the processes of the job, null: one. Throws Error(usage) or
  // Error(data) for options, tokenizer or data that don't fit. Without a folder eval_bundle the CORE metric is left
  // out, which notices() says.
  GptTask(gpt::Gpt& model, text::Tokenizer tokenizer, OpenDocuments open_documents, GptTaskOptions options,
          MakeOptimizer make_optimizer, ProcessGroup* group = nullptr);

  // Of the whole run; an iteration ends with an evaluation. The first comes before the first step, as in nanochat.
  [[nodiscard]] int64_t total_iterations() const;

  void begin() override { choose_attention({}); }
  [[nodiscard]] std::vector<std::string> notices() override { return notices_; }
  [[nodiscard]] at::Device device() override { return model_.device(); }
  [[nodiscard]] StepDisplay display() override;
  [[nodiscard]] bool next_batch() override;
  [[nodiscard]] StepResult forward_backward() override;
  void accept_step() override;
  [[nodiscard]] TensorList parameters() override { return model_.parameters(); }
  [[nodiscard]] std::unique_ptr<Optimizer> make_optimizer() override { return make_optimizer_(); }
  [[nodiscard]] TensorList model_state() override { return model_.parameters(); }
  [[nodiscard]] std::optional<SparseRows> sparse_rows() override { return std::nullopt; }
  // val/bpb and core/..., as far as they are due at this step; samples are messages and are added to
  // run_dir/samples.txt.
  [[nodiscard]] EvalResult evaluate(int64_t step, const std::filesystem::path& run_dir) override;
  [[nodiscard]] TensorList carry_state(bool) override { return {}; }
  [[nodiscard]] nlohmann::ordered_json counters() override;
  void restore(const TensorList& carry_state, const nlohmann::ordered_json& counters, bool keep_position) override;
  [[nodiscard]] std::optional<int64_t> iterations_done() override;

 private:
  [[nodiscard]] std::unique_ptr<text::PackingLoader> make_loader(text::Split split,
                                                                 const std::optional<text::LoaderState>& resume) const;
  [[nodiscard]] bool is_due(int64_t step, int64_t every) const;
  [[nodiscard]] bool evaluates_at(int64_t step) const;
  [[nodiscard]] int64_t evaluations_before(int64_t end) const;
  void choose_attention(const gpt::Gpt::AttentionBackends& before);
  void evaluate_core(EvalResult& result);
  [[nodiscard]] std::vector<std::string> write_samples(int64_t step, const std::filesystem::path& run_dir);

  gpt::Gpt& model_;
  const text::Tokenizer tokenizer_;
  const OpenDocuments open_documents_;
  const GptTaskOptions options_;
  const MakeOptimizer make_optimizer_;
  ProcessGroup alone_;
  ProcessGroup& group_;
  const int64_t accumulation_;
  std::vector<text::CoreTask> core_tasks_;  // empty: the metric is left out
  std::vector<std::string> notices_;
  std::unique_ptr<text::PackingLoader> loader_;
  std::shared_ptr<const text::LoaderState> position_;  // behind the micro-batches in step_batches_
  std::vector<text::TokenBatch> step_batches_;
  double step_loss_ = 0;

  int64_t steps_ = 0;          // accepted
  int64_t evaluated_at_ = -1;  // step after which next_batch has already asked for an evaluation
  double smooth_loss_ = 0;     // exponential average, not yet corrected for its start at 0
  std::optional<double> best_bpb_;
};

}  // namespace tern
