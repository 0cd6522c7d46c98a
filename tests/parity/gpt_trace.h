// A recorded training trace of nanochat (tests/reference/gpt/record.py), and a training that starts from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include <ATen/core/Generator.h>

#include "apps/gpt_optimizer.h"
#include "base/npy.h"
#include "engine/optim/muon_adamw.h"
#include "models/gpt/gpt.h"
#include "models/gpt/loss.h"

namespace tern {

struct GptTrace {
  std::filesystem::path folder;
  nlohmann::ordered_json json;
  NpyArray tokens;  // (steps, batch, tokens + 1)
};

// DIR/trace.json and DIR/tokens.npy. Throws Error(data) for a file that is damaged or doesn't fit.
[[nodiscard]] GptTrace read_gpt_trace(const std::filesystem::path& folder);

// The model of a trace, with DIR/init.pt's weights: nanochat's own keys, and, where a trace is of a model with other
// parts, theirs; float32.
[[nodiscard]] gpt::Gpt make_trace_model(const GptTrace& trace, at::Device device = at::kCPU);

// The optimizer's groups as this project derives them.
[[nodiscard]] GptGroups derive_groups(const GptTrace& trace, const gpt::Gpt& model);
// Takes over the recorded hyperparameters. Throws Error(data) unless the groups have the recorded sizes.
void use_recorded_groups(GptGroups& groups, const GptTrace& trace);

[[nodiscard]] MuonAdamWStep read_step(const GptTrace& trace);

// Batch `index`: [batch, tokens] int64 each.
struct GptTraceBatch {
  at::Tensor inputs, targets;
};
[[nodiscard]] GptTraceBatch read_batch(const GptTrace& trace, int64_t index);

}  // namespace tern
