// Checkpoints as nanochat keeps them: a folder with model_000123.pt, meta_000123.json and, per rank of the job that
// wrote them, optim_000123_rank0.pt. Read, and written so that nanochat's own loader takes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/checkpoint/tensor_list.h"
#include "engine/optim/muon_adamw.h"
#include "models/gpt/gpt.h"

namespace tern {

struct NanochatCheckpoint {
  int64_t step = 0;
  gpt::GptConfig config;
  TensorList weights;           // nanochat's names, without _orig_mod.
  nlohmann::ordered_json meta;  // the whole of meta_*.json
};

// The checkpoint of a step, or the last one. The shape comes from meta's model_config, the parts that have weights
// (lambdas, smear, backout, value embeddings) from the weights, as nanochat adds neutral ones to old checkpoints that
// lack them; everything else from base: what has no trace in the files, like rope_base, the caller has to know. A
// config without window_pattern, which is older than windows, means L. Throws Error(checkpoint) naming the file.
[[nodiscard]] NanochatCheckpoint read_nanochat(const std::filesystem::path& folder, std::optional<int64_t> step,
                                               gpt::GptConfig base);

// Puts the states of all ranks' files together and into the optimizer, whatever number of ranks wrote them, and takes
// over the number of steps. For an optimizer that isn't sharded itself, made by gpt_groups. Throws Error(checkpoint).
void read_nanochat_optimizer(const std::filesystem::path& folder, int64_t step, MuonAdamW& optimizer);

// Writes model_*.pt and meta_*.json. meta gets step and model_config; the caller adds what else it has. Throws
// Error(usage) for a model that nanochat can't express.
void write_nanochat(const std::filesystem::path& folder, int64_t step, const gpt::Gpt& model,
                    nlohmann::ordered_json meta);

// Writes optim_*_rank0.pt, for one rank.
void write_nanochat_optimizer(const std::filesystem::path& folder, int64_t step, const MuonAdamW& optimizer);

}  // namespace tern
