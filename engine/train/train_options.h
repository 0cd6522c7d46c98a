// The option table of TrainConfig: keys, ranges and help, and the checks that span several keys.
#pragma once

#include "engine/config/schema.h"
#include "engine/train/train_config.h"

namespace tern {

[[nodiscard]] const config::Schema<TrainConfig>& train_schema();

// Throws Error(usage) where values that are fine by themselves don't fit together; the message proposes the nearest
// values that do. `source` is the configuration they were read from, to say where each was written.
void check_train_config(const TrainConfig& config, const config::Node* source = nullptr);

// global_batch_size has to be a multiple of the number of ranks. Throws Error(usage) proposing the nearest multiples.
void check_world_size(const TrainConfig& config, int64_t world_size);

}  // namespace tern
