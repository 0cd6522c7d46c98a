#include "engine/checkpoint/reader.h"

#include <fmt/format.h>

#include "base/error.h"
#include "engine/checkpoint/file_io.h"
#include "engine/checkpoint/folder_io.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/run_folder.h"
#include "engine/checkpoint/run_lock.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/store.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

void verify_file(const fs::path& folder, const ManifestFile& file) {
  const fs::path path = folder / file.name;
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error) throw Error(ErrorKind::checkpoint, "file is missing or unreadable: " + error.message(), path.string());
  if (size != file.bytes) {
    throw Error(ErrorKind::checkpoint, fmt::format("file has {} bytes and the manifest says {}", size, file.bytes),
                path.string());
  }
  if (digest_file(path).checksum != file.checksum) {
    throw Error(ErrorKind::checkpoint, "file is damaged: its checksum does not match the manifest", path.string());
  }
}

void verify_all(const fs::path& folder, const Manifest& manifest) {
  for (const ManifestFile& file : manifest.files) verify_file(folder, file);
}

// The file must be in the manifest. It is verified.
SafetensorsFile read_part(const fs::path& folder, const Manifest& manifest, const std::string& name) {
  const ManifestFile* file = manifest.find(name);
  if (file == nullptr) {
    throw Error(ErrorKind::checkpoint, "checkpoint has no " + name, folder.string(),
                "it holds weights only: start a new run from it with load_checkpoint");
  }
  verify_file(folder, *file);
  return read_safetensors(folder / name);
}

nlohmann::ordered_json parse_counters(const SafetensorsFile& file, const fs::path& path) {
  const auto text = file.metadata.find("counters");
  if (text == file.metadata.end()) throw Error(ErrorKind::checkpoint, "file has no counters", path.string());
  auto counters = nlohmann::ordered_json::parse(text->second, nullptr, /*allow_exceptions=*/false);
  if (counters.is_discarded()) throw Error(ErrorKind::checkpoint, "counters are not JSON", path.string());
  return counters;
}

}  // namespace

Manifest verify_checkpoint(const fs::path& folder) {
  Manifest manifest = read_manifest(folder);
  verify_all(folder, manifest);
  return manifest;
}

void verify_files(const fs::path& folder, const std::vector<std::string>& names) {
  const Manifest manifest = read_manifest(folder);
  for (const std::string& name : names) {
    const ManifestFile* file = manifest.find(name);
    if (file == nullptr) throw Error(ErrorKind::checkpoint, "checkpoint has no " + name, folder.string());
    verify_file(folder, *file);
  }
}

std::optional<fs::path> find_newest_valid(const fs::path& run_dir,
                                          const std::function<void(const std::string&)>& on_message) {
  std::optional<fs::path> newest;
  for (const FoundCheckpoint& found : scan_checkpoints(run_dir)) {
    std::string problem = found.problem;
    if (found.manifest && !newest) {
      try {
        verify_all(found.folder, *found.manifest);
        newest = found.folder;
      } catch (const Error& e) {
        problem = e.what();
      }
    }
    if (!problem.empty()) on_message("checkpoint " + found.folder.filename().string() + " is not usable: " + problem);
  }
  return newest;
}

std::optional<fs::path> newest_valid_checkpoint(const fs::path& run_dir,
                                                const std::function<void(const std::string&)>& on_message) {
  if (!path_exists(run_dir)) return std::nullopt;
  {
    const RunLock lock(run_dir);
    if (lock.held()) repair_run_folder(run_dir, on_message);
  }
  return find_newest_valid(run_dir, on_message);
}

nlohmann::ordered_json load_counters(const fs::path& folder) {
  const std::string name = state_file(0, read_manifest(folder).world_size);
  verify_files(folder, {name});
  return parse_counters(read_safetensors(folder / name), folder / name);
}

Snapshot load_checkpoint(const fs::path& folder, int rank, int world_size) {
  const Manifest manifest = read_manifest(folder);
  if (manifest.world_size != world_size) {
    throw Error(
        ErrorKind::checkpoint,
        fmt::format("checkpoint was written by {} process(es) and this run has {}", manifest.world_size, world_size),
        folder.string(), "start as many, or take only its weights with load_checkpoint");
  }
  Snapshot snapshot;
  snapshot.step = manifest.step;
  snapshot.metrics = manifest.metrics;
  snapshot.config_yaml = manifest.config_yaml;
  snapshot.rank = rank;
  snapshot.world_size = world_size;
  const std::string state_name = state_file(rank, world_size);
  SafetensorsFile state = read_part(folder, manifest, state_name);
  snapshot.counters = parse_counters(state, folder / state_name);
  snapshot.state = std::move(state.tensors);
  snapshot.optimizer = read_part(folder, manifest, optimizer_file(rank, world_size)).tensors;
  snapshot.model = read_part(folder, manifest, kModelFile).tensors;
  if (manifest.find(kEmaFile) != nullptr) snapshot.ema = read_part(folder, manifest, kEmaFile).tensors;
  return snapshot;
}

std::vector<TensorList> load_optimizer_states(const fs::path& folder) {
  const Manifest manifest = read_manifest(folder);
  std::vector<TensorList> ranks;
  for (int rank = 0; rank < manifest.world_size; ++rank) {
    ranks.push_back(read_part(folder, manifest, optimizer_file(rank, manifest.world_size)).tensors);
  }
  return ranks;
}

}  // namespace tern
