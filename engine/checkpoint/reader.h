// Finds, verifies and loads checkpoints. Nothing is used before its checksum was compared.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/checkpoint/manifest.h"
#include "engine/checkpoint/snapshot.h"

namespace tern {

// Reads the manifest and compares size and checksum of every file. Throws Error(checkpoint) naming file and reason.
Manifest verify_checkpoint(const std::filesystem::path& folder);

// The same for some files only, which the manifest must have.
void verify_files(const std::filesystem::path& folder, const std::vector<std::string>& names);

// The most recently written checkpoint that passes verify_checkpoint; each one that doesn't is named to on_message.
[[nodiscard]] std::optional<std::filesystem::path> find_newest_valid(
    const std::filesystem::path& run_dir, const std::function<void(const std::string&)>& on_message);

// What a resuming run calls: repairs what a killed process left behind (removes half-written folders, finishes an
// interrupted replacement) unless another process is writing there, then find_newest_valid.
[[nodiscard]] std::optional<std::filesystem::path> newest_valid_checkpoint(
    const std::filesystem::path& run_dir, const std::function<void(const std::string&)>& on_message);

// The state of one rank, as CPU tensors that own their memory. What is read is verified; other ranks' files are not
// read. Throws Error(checkpoint) naming file and reason; also for a world_size other than the checkpoint's, and for a
// folder that holds weights only.
[[nodiscard]] Snapshot load_checkpoint(const std::filesystem::path& folder, int rank, int world_size);

// The optimizer state of every rank that wrote the checkpoint, in their order, verified. Errors as load_checkpoint.
[[nodiscard]] std::vector<TensorList> load_optimizer_states(const std::filesystem::path& folder);

// The counters of rank 0 alone, verified. Errors as load_checkpoint.
[[nodiscard]] nlohmann::ordered_json load_counters(const std::filesystem::path& folder);

}  // namespace tern
