// A checkpoint of gpt_train in nanochat's format.
#pragma once

#include <cstdint>
#include <filesystem>

namespace tern {

// in: a step_N folder, or a run folder (its newest valid checkpoint). Writes model, meta and optimizer files into the
// folder out and returns the step. Throws Error(checkpoint) for a checkpoint that gpt_train did not write, Error(usage)
// for a model that nanochat can't express.
int64_t export_to_nanochat(const std::filesystem::path& in, const std::filesystem::path& out);

}  // namespace tern
