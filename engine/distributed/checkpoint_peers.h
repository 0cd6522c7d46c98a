// The ranks of a process group as writers of common checkpoints: what they tell each other goes through the store.
#pragma once

#include "engine/checkpoint/writer.h"
#include "engine/distributed/process_group.h"

namespace tern {

// For a CheckpointWriter. It waits for another rank as long as a collective would.
[[nodiscard]] CheckpointRank checkpoint_rank(const ProcessGroup& group);

}  // namespace tern
