// manifest.json: makes a folder a checkpoint. It names every file with its size and checksum, and guards itself with a
// checksum too; docs/checkpoint-format.md has the layout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tern {

inline constexpr int kCheckpointFormatVersion = 1;
inline constexpr const char* kManifestName = "manifest.json";

struct ManifestFile {
  std::string name;  // within the folder, no slash
  uint64_t bytes = 0;
  std::string checksum;  // XXH3-128, 32 lower-case hexadecimal digits
};

struct Manifest {
  int64_t step = 0;
  int64_t sequence = 0;  // grows with every save of a run folder, whatever the step: "newest" means this
  int world_size = 1;
  std::string created;  // UTC, ISO 8601
  std::string tern_version;
  std::vector<ManifestFile> files;
  std::map<std::string, double> metrics;  // finite ones only
  std::string config_yaml;

  [[nodiscard]] const ManifestFile* find(const std::string& name) const;
};

// The text of manifest.json, its own checksum included.
[[nodiscard]] std::string manifest_text(const Manifest& manifest);

// Throws Error(checkpoint) naming where and the reason: damaged, not a manifest, a newer format version.
[[nodiscard]] Manifest parse_manifest(const std::string& text, const std::string& where);
[[nodiscard]] Manifest read_manifest(const std::filesystem::path& folder);

}  // namespace tern
