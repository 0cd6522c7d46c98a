// What a model family brings to the training loop. The loop knows no model: it draws, steps, reduces, optimizes,
// evaluates and saves through this interface. An implementation is one thin file in apps/. With several processes every
// rank has a task of its own; the loop makes the same calls on all of them, in the same order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "engine/checkpoint/tensor_list.h"
#include "engine/monitor/puzzle_picture.h"
#include "engine/monitor/records.h"
#include "engine/optim/optimizer.h"
#include "kernels/common/shadow_weight.h"

namespace tern {

// With several processes: over all of them, and so the same on every rank.
struct StepResult {
  double loss = 0;      // per example, as minimised
  NamedValues metrics;  // "train/..." as logged
  int64_t examples = 0;
};

// Rows of an embedding that the last step touched; trained by sparse SignSGD.
struct SparseRows {
  at::Tensor weights;  // the whole table, updated in place
  at::Tensor grads;    // [count, width]
  at::Tensor ids;      // [count]
};

struct EvalResult {
  NamedValues metrics;  // with several processes: over all of them
  std::vector<PuzzlePicture> pictures;
  std::vector<std::string> messages = {};  // lines for the person, such as samples
  std::vector<std::string> warnings;       // what failed, and why; training goes on
  bool stopped = false;                    // a stop signal cut it short: no metrics, to be done again
};

class Task {
 public:
  virtual ~Task() = default;

  // Start-up calls begin (a run that resumes nothing) or restore, then notices: what a person should know before
  // training starts, such as that there is no test data.
  virtual void begin() {}
  [[nodiscard]] virtual std::vector<std::string> notices() { return {}; }

  // Where the model computes.
  [[nodiscard]] virtual at::Device device() { return at::kCPU; }

  // In what units the log tells the speed.
  [[nodiscard]] virtual StepDisplay display() { return {}; }

  // Draws the next batch. False at the end of an iteration; the call after that begins the next one.
  [[nodiscard]] virtual bool next_batch() = 0;

  // Forward and backward pass of the drawn batch: gradients are added to the parameters' .grad(). The new carry is held
  // back until accept_step, so that a step with a NaN can be dropped.
  [[nodiscard]] virtual StepResult forward_backward() = 0;
  virtual void accept_step() = 0;

  // Trained by the dense optimizer; empty where the weights are frozen.
  [[nodiscard]] virtual TensorList parameters() = 0;
  // Of these parameters, in their order, where the forward pass reads shadows; empty: it reads none.
  [[nodiscard]] virtual kernels::ShadowWeights shadows() { return {}; }
  // A family's own optimizer of these parameters; none: the loop makes AdamATan2 as the configuration says.
  [[nodiscard]] virtual std::unique_ptr<Optimizer> make_optimizer() { return nullptr; }
  // Everything that model.safetensors holds.
  [[nodiscard]] virtual TensorList model_state() = 0;
  [[nodiscard]] virtual std::optional<SparseRows> sparse_rows() = 0;

  // With the weights as they are now. Must not change anything that training depends on. When it was stopped, the
  // task is as if it hadn't begun.
  [[nodiscard]] virtual EvalResult evaluate(int64_t step, const std::filesystem::path& run_dir) = 0;

  // Carry, random generators, votes of earlier evaluations; live tensors.
  [[nodiscard]] virtual TensorList carry_state(bool with_carry) = 0;
  // Position in the data and whatever else is small.
  [[nodiscard]] virtual nlohmann::ordered_json counters() = 0;
  // Of this rank; of rank 0 where a job of another size wrote them. Throws Error(checkpoint) where they don't fit this
  // task's data or configuration. keep_position: leave the data
  // position as it is (a rollback goes on behind the batch that failed).
  virtual void restore(const TensorList& carry_state, const nlohmann::ordered_json& counters, bool keep_position) = 0;
  // After restore: how many iterations have ended, where that follows from the position, because a plan other than the
  // checkpoint's may end them elsewhere. None: as the checkpoint says.
  [[nodiscard]] virtual std::optional<int64_t> iterations_done() { return std::nullopt; }
};

}  // namespace tern
