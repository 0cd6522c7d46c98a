#include "engine/checkpoint/store.h"

#include <chrono>
#include <ctime>
#include <optional>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/version.h"
#include "engine/checkpoint/file_io.h"
#include "engine/checkpoint/folder_io.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/publish.h"
#include "engine/checkpoint/run_folder.h"
#include "engine/checkpoint/safetensors.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", parts);
}

int64_t next_sequence(const fs::path& run_dir) {
  const std::vector<FoundCheckpoint> newest_first = scan_checkpoints(run_dir);
  const bool any = !newest_first.empty() && newest_first.front().manifest;
  return any ? newest_first.front().manifest->sequence + 1 : 1;
}

void add_file(Manifest& manifest, const fs::path& folder, const std::string& name, const TensorList& tensors,
              const std::map<std::string, std::string>& metadata = {}) {
  OutputFile file(folder / name);
  write_safetensors(file, tensors, metadata);
  const FileDigest digest = file.finish();
  manifest.files.push_back({name, digest.bytes, digest.checksum});
}

// The files that this rank contributes.
void write_rank_files(Manifest& manifest, const fs::path& folder, const Snapshot& snapshot) {
  if (snapshot.rank == 0) {
    add_file(manifest, folder, kModelFile, snapshot.model);
    if (!snapshot.ema.empty()) add_file(manifest, folder, kEmaFile, snapshot.ema);
  }
  add_file(manifest, folder, optimizer_file(snapshot.rank, snapshot.world_size), snapshot.optimizer);
  add_file(manifest, folder, state_file(snapshot.rank, snapshot.world_size), snapshot.state,
           {{"counters", snapshot.counters.dump()}});
}

void write_manifest(const Manifest& manifest, const fs::path& folder) {
  OutputFile file(folder / kManifestName);
  file.write(manifest_text(manifest));
  file.finish();
  sync_folder(folder);
}

// Runs write in a fresh temporary folder beside folder, then publishes it; leaves nothing behind when that throws.
template <typename Write>
Manifest write_aside(const fs::path& folder, Manifest manifest, const Write& write) {
  const fs::path fresh = with_suffix(folder, kWritingSuffix);
  remove_tree(fresh);
  try {
    make_folder(fresh);
    manifest.created = utc_now();
    manifest.tern_version = TERN_VERSION;
    write(manifest, fresh);
    write_manifest(manifest, fresh);
    publish(fresh, folder);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(fresh, ignored);
    throw;
  }
  return manifest;
}

}  // namespace

void check_snapshot(const Snapshot& snapshot) {
  const std::string step = step_folder(snapshot.step);
  TERN_CHECK(snapshot.rank >= 0 && snapshot.rank < snapshot.world_size,
             fmt::format("rank {} of {}", snapshot.rank, snapshot.world_size));
  if (snapshot.step < 0) throw Error(ErrorKind::checkpoint, "negative step", step);
  check_storable(snapshot.model, std::string(kModelFile));
  check_storable(snapshot.ema, std::string(kEmaFile));
  check_storable(snapshot.optimizer, optimizer_file(snapshot.rank, snapshot.world_size));
  check_storable(snapshot.state, state_file(snapshot.rank, snapshot.world_size));
}

namespace {

// Of a rank other than 0: its files into the folder that rank 0 makes and publishes.
Manifest contribute(const fs::path& folder, const Snapshot& snapshot, JointWrite& joint) {
  joint.wait_for_folder();
  const fs::path fresh = with_suffix(folder, kWritingSuffix);
  Manifest manifest;
  try {
    if (!path_exists(fresh)) {
      throw Error(ErrorKind::checkpoint, fmt::format("rank {} doesn't see the folder of rank 0", snapshot.rank),
                  fresh.string(), "put it on a filesystem that all machines share");
    }
    write_rank_files(manifest, fresh, snapshot);
    sync_folder(fresh);
  } catch (const std::exception& e) {
    if (path_exists(fresh)) throw;
    // Rank 0 may have taken it away because another rank failed: then its reason is the one to tell.
    joint.fail(e.what());
    joint.wait_until_published();
    throw;
  }
  joint.files_are_written(manifest.files);
  joint.wait_until_published();
  return manifest;
}

}  // namespace

Manifest write_checkpoint(const fs::path& run_dir, const Snapshot& snapshot, JointWrite& joint) {
  check_snapshot(snapshot);
  const fs::path target = run_dir / step_folder(snapshot.step);
  if (snapshot.rank > 0) return contribute(target, snapshot, joint);
  Manifest manifest;
  manifest.step = snapshot.step;
  manifest.sequence = next_sequence(run_dir);
  manifest.world_size = snapshot.world_size;
  manifest.metrics = snapshot.metrics;
  manifest.config_yaml = snapshot.config_yaml;
  manifest = write_aside(target, manifest, [&](Manifest& whole, const fs::path& folder) {
    joint.folder_is_ready();
    write_rank_files(whole, folder, snapshot);
    for (ManifestFile& file : joint.collect_files()) whole.files.push_back(std::move(file));
  });
  joint.is_published();
  return manifest;
}

Manifest write_checkpoint(const fs::path& run_dir, const Snapshot& snapshot) {
  TERN_CHECK(snapshot.world_size == 1, "a rank alone can't write a checkpoint of several");
  JointWrite alone;
  return write_checkpoint(run_dir, snapshot, alone);
}

Manifest write_weights_folder(const fs::path& folder, const TensorList& model) {
  if (path_exists(folder)) {
    throw Error(ErrorKind::checkpoint, "already exists", folder.string(), "name a new folder");
  }
  return write_aside(full_path(folder), {},
                     [&](Manifest& target, const fs::path& fresh) { add_file(target, fresh, kModelFile, model); });
}

void delete_checkpoint(const fs::path& folder) {
  const fs::path doomed = with_suffix(folder, kDeletingSuffix);
  remove_tree(doomed);
  rename_path(folder, doomed);
  remove_tree(doomed);
}

void repair_run_folder(const fs::path& run_dir, const std::function<void(const std::string&)>& on_message) {
  std::vector<fs::path> entries;
  for (const fs::directory_entry& entry : fs::directory_iterator(run_dir)) entries.push_back(entry.path());
  for (const fs::path& entry : entries) {
    const std::string name = entry.filename().string();
    try {
      const std::optional<std::string> replaced = strip_suffix(name, kReplacedSuffix);
      if (replaced && !path_exists(run_dir / *replaced)) {
        rename_path(entry, run_dir / *replaced);
        sync_folder(run_dir);
      } else if (replaced || strip_suffix(name, kWritingSuffix) || strip_suffix(name, kDeletingSuffix)) {
        remove_tree(entry);
      }
    } catch (const Error& e) {
      on_message(std::string("a leftover of an interrupted run stays: ") + e.what());
    }
  }
}

}  // namespace tern
