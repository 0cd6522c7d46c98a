// Which checkpoints lie in a run folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/checkpoint/manifest.h"

namespace tern {

struct FoundCheckpoint {
  std::filesystem::path folder;
  int64_t step = 0;
  std::optional<Manifest> manifest;  // empty: it can't be read, so the folder is no checkpoint
  std::string problem;               // why not
};

// The step_N folders of run_dir, most recently written first, those without a readable manifest last. Only manifests
// are read; verify_checkpoint judges the files. A run_dir that doesn't exist has none.
[[nodiscard]] std::vector<FoundCheckpoint> scan_checkpoints(const std::filesystem::path& run_dir);

}  // namespace tern
