#include "engine/checkpoint/manifest.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/checkpoint/file_io.h"
#include "engine/checkpoint/folder_io.h"

namespace tern {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormatName = "tern-checkpoint";
constexpr uint64_t kMaxManifestBytes = 64 << 20;

// The manifest's checksum is that of its text with this place holder in the checksum's own place.
const std::string kChecksumKey = "\"manifest_checksum\": \"";
const std::string kPlaceholder(32, '0');

std::string checksum_of(const std::string& text) {
  Checksum checksum;
  checksum.update(text.data(), text.size());
  return checksum.hex();
}

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw Error(ErrorKind::checkpoint, what, where);
}

void check_own_checksum(const std::string& text, const std::string& where) {
  const size_t key = text.rfind(kChecksumKey);
  const size_t digits = key + kChecksumKey.size();
  if (key == std::string::npos || digits + kPlaceholder.size() > text.size()) refuse("manifest has no checksum", where);
  const std::string expected = text.substr(digits, kPlaceholder.size());
  std::string blank = text;
  blank.replace(digits, kPlaceholder.size(), kPlaceholder);
  if (checksum_of(blank) != expected) refuse("manifest is damaged: its checksum does not match", where);
}

// A file name out of a manifest is opened within the folder, and nowhere else.
void check_file_name(const std::string& name, const std::string& where) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    refuse("manifest names a file outside its folder: \"" + name + "\"", where);
  }
}

Manifest from_json(const Json& root, const std::string& where) {
  Manifest manifest;
  root.at("step").get_to(manifest.step);
  root.at("sequence").get_to(manifest.sequence);
  root.at("world_size").get_to(manifest.world_size);
  root.at("created").get_to(manifest.created);
  root.at("tern_version").get_to(manifest.tern_version);
  root.at("metrics").get_to(manifest.metrics);
  root.at("config").get_to(manifest.config_yaml);
  for (const auto& [name, entry] : root.at("files").items()) {
    check_file_name(name, where);
    manifest.files.push_back({name, entry.at("bytes").get<uint64_t>(), entry.at("xxh3_128").get<std::string>()});
  }
  return manifest;
}

}  // namespace

const ManifestFile* Manifest::find(const std::string& name) const {
  const auto found = std::find_if(files.begin(), files.end(), [&](const ManifestFile& f) { return f.name == name; });
  return found == files.end() ? nullptr : &*found;
}

std::string manifest_text(const Manifest& manifest) {
  Json files = Json::object();
  for (const ManifestFile& file : manifest.files) {
    files[file.name] = {{"bytes", file.bytes}, {"xxh3_128", file.checksum}};
  }
  Json metrics = Json::object();
  for (const auto& [name, value] : manifest.metrics) {
    if (std::isfinite(value)) metrics[name] = value;  // JSON has no NaN
  }
  Json root;
  root["format"] = kFormatName;
  root["format_version"] = kCheckpointFormatVersion;
  root["step"] = manifest.step;
  root["sequence"] = manifest.sequence;
  root["world_size"] = manifest.world_size;
  root["created"] = manifest.created;
  root["tern_version"] = manifest.tern_version;
  root["files"] = std::move(files);
  root["metrics"] = std::move(metrics);
  root["config"] = manifest.config_yaml;
  root["manifest_checksum"] = kPlaceholder;
  std::string text = root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  const std::string checksum = checksum_of(text);
  text.replace(text.rfind(kChecksumKey) + kChecksumKey.size(), kPlaceholder.size(), checksum);
  return text;
}

Manifest parse_manifest(const std::string& text, const std::string& where) {
  const Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded() || !root.is_object()) refuse("manifest is damaged: not a JSON object", where);
  if (root.value("format", Json()) != kFormatName) refuse("not the manifest of a Tern checkpoint", where);
  const Json version = root.value("format_version", Json());
  if (version.is_number_integer() && version > kCheckpointFormatVersion) {
    throw Error(ErrorKind::checkpoint, "checkpoint format " + version.dump() + " is newer than this program", where,
                "use a newer Tern");
  }
  if (version != kCheckpointFormatVersion) refuse("unknown checkpoint format " + version.dump(), where);
  check_own_checksum(text, where);
  try {
    return from_json(root, where);
  } catch (const nlohmann::json::exception& e) {
    refuse(std::string("manifest is malformed: ") + e.what(), where);
  }
}

Manifest read_manifest(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kManifestName;
  if (!path_exists(path)) {
    refuse("not a checkpoint: there is no manifest.json", folder.string());
  }
  return parse_manifest(read_small_file(path, kMaxManifestBytes), path.string());
}

}  // namespace tern
