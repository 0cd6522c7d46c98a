#include "engine/checkpoint/describe.h"

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/checkpoint/dtype.h"
#include "engine/checkpoint/folder_io.h"
#include "engine/checkpoint/manifest.h"
#include "engine/checkpoint/run_folder.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/torch_file.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

using Json = nlohmann::ordered_json;

Json tensor_row(const std::string& name, at::ScalarType dtype, const std::vector<int64_t>& shape, uint64_t bytes) {
  return {{"name", name}, {"dtype", find_dtype(dtype)->torch}, {"shape", shape}, {"bytes", bytes}};
}

Json tensors_of(const SafetensorsHeader& header) {
  Json rows = Json::array();
  for (const SafetensorsEntry& entry : header.entries) {
    rows.push_back(tensor_row(entry.name, entry.dtype, entry.shape, entry.end - entry.begin));
  }
  return rows;
}

Json tensors_of(const TensorList& tensors) {
  Json rows = Json::array();
  for (const auto& [name, tensor] : tensors) {
    rows.push_back(tensor_row(name, tensor.scalar_type(), tensor.sizes().vec(), tensor.nbytes()));
  }
  return rows;
}

uint64_t total_bytes(const Manifest& manifest) {
  uint64_t bytes = 0;
  for (const ManifestFile& file : manifest.files) bytes += file.bytes;
  return bytes;
}

Json describe_checkpoint(const fs::path& folder) {
  const Manifest manifest = read_manifest(folder);
  Json files = Json::array();
  for (const ManifestFile& file : manifest.files) {
    const SafetensorsHeader header = read_safetensors_header(folder / file.name);
    files.push_back({{"name", file.name},
                     {"bytes", file.bytes},
                     {"xxh3_128", file.checksum},
                     {"metadata", header.metadata},
                     {"tensors", tensors_of(header)}});
  }
  return {{"kind", "checkpoint"},
          {"path", folder.string()},
          {"step", manifest.step},
          {"sequence", manifest.sequence},
          {"world_size", manifest.world_size},
          {"created", manifest.created},
          {"tern_version", manifest.tern_version},
          {"metrics", manifest.metrics},
          {"bytes", total_bytes(manifest)},
          {"files", std::move(files)},
          {"config", manifest.config_yaml}};
}

Json describe_run(const fs::path& run_dir) {
  Json rows = Json::array();
  for (const FoundCheckpoint& found : scan_checkpoints(run_dir)) {
    Json row = {{"name", found.folder.filename().string()}, {"step", found.step}};
    if (found.manifest) {
      row["created"] = found.manifest->created;
      row["bytes"] = total_bytes(*found.manifest);
      row["metrics"] = found.manifest->metrics;
    } else {
      row["problem"] = found.problem;
    }
    rows.push_back(std::move(row));
  }
  if (rows.empty()) {
    throw Error(ErrorKind::checkpoint, "neither a checkpoint nor a run folder with checkpoints", run_dir.string());
  }
  return {{"kind", "run"}, {"path", run_dir.string()}, {"checkpoints", std::move(rows)}};
}

Json describe_torch_file(const fs::path& path) {
  const TorchFile file = read_torch_file(path);
  return {{"kind", "torch"},
          {"path", path.string()},
          {"bytes", fs::file_size(path)},
          {"skipped", file.skipped},
          {"tensors", tensors_of(file.tensors)}};
}

Json describe_safetensors(const fs::path& path) {
  const SafetensorsHeader header = read_safetensors_header(path);
  return {{"kind", "safetensors"},
          {"path", path.string()},
          {"bytes", fs::file_size(path)},
          {"metadata", header.metadata},
          {"tensors", tensors_of(header)}};
}

}  // namespace

Json describe(const fs::path& path) {
  if (!path_exists(path)) throw Error(ErrorKind::checkpoint, "no such file or folder", path.string());
  if (fs::is_directory(path)) {
    return path_exists(path / kManifestName) ? describe_checkpoint(path) : describe_run(path);
  }
  return is_torch_file(path) ? describe_torch_file(path) : describe_safetensors(path);
}

}  // namespace tern
