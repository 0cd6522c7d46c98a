// Training that goes on from a checkpoint of nanochat.
#pragma once

#include <filesystem>
#include <optional>

#include "apps/gpt_train_config.h"

namespace tern {

// Where init_from names a folder of nanochat: its checkpoint (that of resume_from_step, else the last) as a checkpoint
// of run_dir, weights, optimizer state, place in the data (as exact as nanochat's own: the next row group) and running
// loss. Returns its folder; none without init_from, and when resume=auto finds a checkpoint of this run. Throws
// Error(checkpoint) for damaged files, Error(usage) where the configuration describes another model.
[[nodiscard]] std::optional<std::filesystem::path> import_from_nanochat(const GptJob& job, const GptPlan& plan,
                                                                        const std::filesystem::path& run_dir);

}  // namespace tern
