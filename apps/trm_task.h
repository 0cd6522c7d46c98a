// The one file that ties TRM, its loss, its carry and the puzzle loader to the engine's loop.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Generator.h>

#include "apps/trm_config.h"
#include "apps/trm_evaluation.h"
#include "data/puzzles/prefetch.h"
#include "engine/train/task.h"
#include "engine/train/trainer.h"
#include "models/trm/losses.h"

namespace tern {

class TrmTask : public Task {
 public:
  // Opens the data and builds the model.
  TrmTask(const TrmJob& job, at::Device device);

  // Steps and iterations as upstream computes them from the data.
  [[nodiscard]] TrainPlan plan() const;
  [[nodiscard]] int64_t num_params() const;

  [[nodiscard]] at::Device device() override { return device_; }
  void begin() override;  // chooses the attention backend, loads load_checkpoint
  std::vector<std::string> notices() override;
  bool next_batch() override;
  StepResult forward_backward() override;
  void accept_step() override;
  TensorList parameters() override;
  kernels::ShadowWeights shadows() override { return model_->shadows(); }
  TensorList model_state() override;
  std::optional<SparseRows> sparse_rows() override;
  EvalResult evaluate(int64_t step, const std::filesystem::path& run_dir) override;
  TensorList carry_state(bool with_carry) override;
  nlohmann::ordered_json counters() override;
  void restore(const TensorList& carry_state, const nlohmann::ordered_json& counters, bool keep_position) override;

 private:
  void choose_attention(std::optional<kernels::AttentionBackend> before);
  [[nodiscard]] puzzles::LoaderState loader_state() const;
  [[nodiscard]] trm::Carry saved_carry(const std::map<std::string, at::Tensor>& saved) const;

  const TrmJob& job_;
  const at::Device device_;
  puzzles::Metadata metadata_;
  std::optional<puzzles::Loader> loader_;            // until the first batch is drawn, so that resuming can move it
  std::unique_ptr<puzzles::Prefetcher> prefetcher_;  // from then on
  at::Generator generator_;
  std::unique_ptr<trm::Trm> model_;
  TrmEvaluation evaluation_;
  std::vector<std::string> notices_;
  puzzles::Batch batch_;
  std::optional<trm::Carry> carry_;
  std::optional<trm::Carry> next_carry_;
};

}  // namespace tern
