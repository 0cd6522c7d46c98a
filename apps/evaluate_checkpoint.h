// What trm_eval does with a model: evaluates a checkpoint on a test split.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/checkpoint/weights.h"
#include "engine/train/task.h"

namespace tern {

struct CheckpointEvaluation {
  std::filesystem::path checkpoint;  // whatever read_weights takes
  WeightSet weights = WeightSet::ema_if_any;
  std::optional<std::string> data;    // dataset; nothing: the checkpoint's own
  std::filesystem::path out;          // made if missing
  std::optional<int64_t> batch_size;  // nothing: the checkpoint's global_batch_size
  std::optional<std::vector<int64_t>> pass_ks;
  std::optional<int64_t> submission_k;
  std::vector<std::string> overrides;  // of the configuration, in its grammar
};

// The configuration comes from the checkpoint's manifest, or is the shipped one where there is none (a file of
// torch.save), changed by the overrides. Writes submission.json and, for eval_save_outputs, step_N_all_preds.0 into
// out; progress and remarks go to stderr. Throws Error(usage, data, checkpoint) for what is wrong with its parts;
// an evaluator that fails is an error too.
[[nodiscard]] EvalResult evaluate_checkpoint(const CheckpointEvaluation& request);

}  // namespace tern
