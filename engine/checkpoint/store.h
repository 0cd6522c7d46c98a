// The steps that make a folder a checkpoint, each safe against a crash at any instant.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "engine/checkpoint/joint_write.h"
#include "engine/checkpoint/manifest.h"
#include "engine/checkpoint/snapshot.h"

namespace tern {

// Throws Error(checkpoint) for a snapshot that no checkpoint can hold.
void check_snapshot(const Snapshot& snapshot);

// Writes run_dir/step_N from CPU tensors: into step_N.writing, everything fsynced, then renamed to its name; an
// existing step_N is replaced in the same instant. On failure nothing of it stays and older checkpoints are untouched.
// With several ranks each of them calls this with its own snapshot; run_dir is one folder that all of them see. The
// manifest of rank 0 is the whole one, the others' has their own files only.
Manifest write_checkpoint(const std::filesystem::path& run_dir, const Snapshot& snapshot, JointWrite& joint);
// For one rank.
Manifest write_checkpoint(const std::filesystem::path& run_dir, const Snapshot& snapshot);

// Writes a checkpoint folder that holds weights and no training state, replacing nothing: folder must not exist.
Manifest write_weights_folder(const std::filesystem::path& folder, const TensorList& model);

// Finishes what a killed process left: brings a replaced step_N back when the new one never got its name, and removes
// half-written and half-deleted folders. Call it only while holding the run folder's lock. What can't be removed is
// named to on_message and left.
void repair_run_folder(const std::filesystem::path& run_dir, const std::function<void(const std::string&)>& on_message);

// Removes run_dir/step_N in two steps, so that a half-deleted folder never looks like a damaged checkpoint.
void delete_checkpoint(const std::filesystem::path& folder);

}  // namespace tern
