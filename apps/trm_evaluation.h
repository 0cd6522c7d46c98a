// Runs a TRM over a test split: metrics per set, the evaluators' votes, saved outputs, pictures for the report.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/trm_votes.h"
#include "data/puzzles/loader.h"
#include "engine/train/task.h"
#include "engine/train/train_config.h"
#include "models/trm/trm.h"

namespace tern {

// Where an evaluation's files go, in the style of upstream's run folder or, for a program that makes one evaluation,
// plainly.
enum class OutputLayout {
  run_folder,  // evaluator_ARC_step_N/submission.json
  plain,       // submission.json
};

class TrmEvaluation {
 public:
  // config must outlive this. Opens nothing yet.
  TrmEvaluation(const TrainConfig& config, at::Device device, OnFailure on_failure);

  // Opens the test data and the evaluators once, to say early what is missing or doesn't fit the model. Throws
  // Error(data) where data_paths_test was given and is at fault.
  [[nodiscard]] std::vector<std::string> notices(const trm::TrmConfig& model);

  // Every example of the test split once, halt_max_steps steps each, then the evaluators. Writes submission.json and,
  // for eval_save_outputs, step_N_all_preds.0 into folder. Polls the stop signal at each batch. OnFailure::warn: what
  // fails here (no test data, an evaluator) is in the result's warnings with its reason, and its metrics are left out.
  [[nodiscard]] EvalResult run(trm::Trm& model, const std::string& loss_type, int64_t step,
                               const std::filesystem::path& folder, OutputLayout layout);

  // Votes that later evaluations add to.
  [[nodiscard]] TrmVotes& votes() { return votes_; }

  // The test split: of data_paths_test, else of data_paths.
  [[nodiscard]] puzzles::LoaderConfig loader_config() const;

 private:
  [[nodiscard]] EvalResult evaluate(trm::Trm& model, const std::string& loss_type, int64_t step,
                                    const std::filesystem::path& folder, OutputLayout layout);
  [[nodiscard]] std::string picture_title(const puzzles::Batch& batch, int64_t row, int64_t example) const;

  const TrainConfig& config_;
  const at::Device device_;
  const OnFailure on_failure_;
  TrmVotes votes_;
};

}  // namespace tern
