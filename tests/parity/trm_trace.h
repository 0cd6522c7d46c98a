// A recorded training trace of upstream's TRM (tests/reference/trm/record.py), and a training that starts from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/npz.h"
#include "engine/checkpoint/tensor_list.h"
#include "engine/optim/adam_atan2_optimizer.h"
#include "models/trm/act.h"
#include "models/trm/losses.h"

namespace tern {

struct Trace {
  nlohmann::ordered_json json;
  NpzArrays batches;
  TensorList init;
  std::filesystem::path folder;
};

// Throws Error(data) for a file that is damaged, Error(usage) for another architecture.
[[nodiscard]] Trace read_trace(const std::filesystem::path& folder);

[[nodiscard]] trm::TrmConfig read_config(const nlohmann::ordered_json& trace);

[[nodiscard]] trm::PuzzleBatch read_batch(const Trace& trace, const trm::TrmConfig& config, size_t index,
                                          at::Device device = at::kCPU);

// Upstream's training step with the trace's weights and settings.
class TraceTraining {
 public:
  explicit TraceTraining(const Trace& trace, at::Device device = at::kCPU);

  struct Gradients {
    trm::ActStep step;
    trm::Loss loss;
  };
  // Forward and backward pass; the gradients are in the model.
  [[nodiscard]] Gradients gradients(const trm::PuzzleBatch& batch);
  // Both optimizers' step, and the carry's; clears the gradients.
  void update(trm::Carry carry);

  [[nodiscard]] trm::Trm& model() { return model_; }

 private:
  at::Generator generator_;
  trm::Trm model_;
  AdamATan2Optimizer optimizer_;
  double lr_, puzzle_emb_lr_, weight_decay_;
  std::optional<trm::Carry> carry_;
};

}  // namespace tern
