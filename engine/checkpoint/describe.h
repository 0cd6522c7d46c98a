// What a file or folder holds, for people and scripts: tensors, sizes, step, configuration.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace tern {

// Reads headers and manifests only (of a torch.save file, everything); verify_checkpoint judges the content. Keys:
//   every kind:   kind ("checkpoint", "run", "safetensors", "torch"), path
//   checkpoint:   step, sequence, world_size, created, tern_version, metrics, config (YAML text), bytes,
//                 files [{name, bytes, xxh3_128, metadata, tensors}]
//   run:          checkpoints [{name, step, created, bytes, metrics}, newest first, or {name, step, problem}]
//   safetensors:  bytes, metadata, tensors         torch: bytes, skipped, tensors
//   tensors:      [{name, dtype ("float32"), shape, bytes}]
// Throws Error(checkpoint).
[[nodiscard]] nlohmann::ordered_json describe(const std::filesystem::path& path);

}  // namespace tern
