// Runs a TRM over a test split: metrics per set, the evaluators' votes, saved outputs, pictures for the report.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/puzzles/loader.h"
#include "engine/train/task.h"
#include "engine/train/train_config.h"
#include "models/trm/losses.h"

namespace tern::puzzles {
class ArcVote;
}

namespace tern {

class TrmEvaluation {
 public:
  // config must outlive this. Opens nothing yet: a dataset without a test split is found out by run.
  TrmEvaluation(const TrainConfig& config, at::Device device);
  ~TrmEvaluation();

  // Every example of the test split once, halt_max_steps steps each, then the evaluators. Writes
  // run_dir/evaluator_ARC_step_N/submission.json and, for eval_save_outputs, run_dir/step_N_all_preds.0. Polls the stop
  // signal at each batch. What fails here (no test data, an evaluator) is printed with its reason and leaves its
  // metrics out; training goes on.
  [[nodiscard]] EvalResult run(trm::Trm& model, const std::string& loss_type, int64_t step,
                               const std::filesystem::path& run_dir);

  // The same with errors thrown, for a program that does nothing else.
  [[nodiscard]] EvalResult run_or_throw(trm::Trm& model, const std::string& loss_type, int64_t step,
                                        const std::filesystem::path& run_dir);

  // The test split's metadata (data_paths_test, else data_paths).
  [[nodiscard]] puzzles::LoaderConfig loader_config() const;

 private:
  [[nodiscard]] EvalResult evaluate(trm::Trm& model, const std::string& loss_type, int64_t step,
                                    const std::filesystem::path& run_dir, bool strict);
  [[nodiscard]] int64_t count_examples() const;
  void open_votes(const puzzles::Metadata& metadata);
  void vote(const puzzles::Batch& batch, const trm::Loss& loss, const trm::Outputs& outputs);
  void finish_votes(int64_t step, const std::filesystem::path& run_dir, NamedValues& metrics, bool strict);
  void keep_outputs(std::map<std::string, std::vector<at::Tensor>>& saved, const trm::PuzzleBatch& batch,
                    const trm::Loss& loss, const trm::Outputs& outputs) const;
  static void save_outputs(const std::map<std::string, std::vector<at::Tensor>>& saved, int64_t step,
                           const std::filesystem::path& run_dir);

  struct Vote {
    EvaluatorConfig config;
    std::unique_ptr<puzzles::ArcVote> vote;
  };
  const TrainConfig& config_;
  const at::Device device_;
  std::vector<Vote> votes_;  // kept over evaluations: aggregated voting adds them up, as upstream
};

}  // namespace tern
