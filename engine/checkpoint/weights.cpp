#include "engine/checkpoint/weights.h"

#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "engine/checkpoint/folder_io.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/torch_file.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

// torch.compile puts this in front of the names of what it wraps, at any depth.
std::string without_compile_prefix(std::string name) {
  static const std::string prefix = "_orig_mod.";
  for (size_t at = name.find(prefix); at != std::string::npos; at = name.find(prefix)) name.erase(at, prefix.size());
  return name;
}

void clean_names(TensorList& tensors, const std::string& where) {
  std::set<std::string> seen;
  for (auto& [name, tensor] : tensors) {
    name = without_compile_prefix(std::move(name));
    if (!seen.insert(name).second) {
      throw Error(ErrorKind::checkpoint, "tensor " + name + " is there with and without _orig_mod.", where);
    }
  }
}

void overlay(TensorList& raw, const TensorList& averaged, const std::string& where) {
  std::map<std::string, at::Tensor*> by_name;
  for (auto& [name, tensor] : raw) by_name[name] = &tensor;
  for (const auto& [name, tensor] : averaged) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      throw Error(ErrorKind::checkpoint, "EMA of " + name + ", which the model lacks", where);
    }
    *found->second = tensor;
  }
}

Weights read_step_folder(const fs::path& folder, WeightSet set) {
  const bool has_ema = path_exists(folder / kEmaFile);
  const bool use_ema = set == WeightSet::ema || (set == WeightSet::ema_if_any && has_ema);
  if (use_ema && !has_ema) {
    throw Error(ErrorKind::checkpoint, "checkpoint holds no EMA weights", folder.string(), "use the raw weights");
  }
  std::vector<std::string> names = {kModelFile};
  if (use_ema) names.emplace_back(kEmaFile);
  verify_files(folder, names);
  Weights weights;
  weights.source = folder.string();
  weights.tensors = read_safetensors(folder / kModelFile).tensors;
  if (use_ema) overlay(weights.tensors, read_safetensors(folder / kEmaFile).tensors, folder.string());
  weights.ema = use_ema;
  return weights;
}

Weights read_folder(const fs::path& path, WeightSet set, const std::function<void(const std::string&)>& on_message) {
  if (path_exists(path / kManifestName)) return read_step_folder(path, set);
  const std::optional<fs::path> newest = find_newest_valid(path, on_message);
  if (!newest) throw Error(ErrorKind::checkpoint, "folder holds no valid checkpoint", path.string());
  return read_step_folder(*newest, set);
}

Weights read_file(const fs::path& path, WeightSet set) {
  if (set == WeightSet::ema) {
    throw Error(ErrorKind::checkpoint, "a single file has no EMA weights beside its own", path.string());
  }
  Weights weights;
  weights.source = path.string();
  if (is_torch_file(path)) {
    TorchFile file = read_torch_file(path);
    weights.tensors = std::move(file.tensors);
    weights.skipped = std::move(file.skipped);
  } else {
    weights.tensors = read_safetensors(path).tensors;
  }
  return weights;
}

}  // namespace

Weights read_weights(const fs::path& path, WeightSet set, const std::function<void(const std::string&)>& on_message) {
  if (!path_exists(path)) throw Error(ErrorKind::checkpoint, "no such file or folder", path.string());
  Weights weights = fs::is_directory(path) ? read_folder(path, set, on_message) : read_file(path, set);
  clean_names(weights.tensors, weights.source);
  return weights;
}

TensorList load_weights(const fs::path& path, WeightSet set) {
  return read_weights(path, set, [](const std::string&) {}).tensors;
}

}  // namespace tern
