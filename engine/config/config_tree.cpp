#include "engine/config/config_tree.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "engine/config/yaml_read.h"

namespace tern::config {

namespace fs = std::filesystem;

namespace {

std::string_view strip(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// The package named by "# @package NAME" in a file's first lines; any other line ends the search, as in Hydra.
std::optional<std::string> package_header(std::string_view text) {
  constexpr std::string_view kKey = "@package ";
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = strip(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    if (!line.starts_with('#')) return std::nullopt;
    line = strip(line.substr(1));
    if (!line.starts_with('@')) return std::nullopt;
    if (line.starts_with(kKey)) return std::string(strip(line.substr(kKey.size())));
  }
  return std::nullopt;
}

// Absolute packages are written with a leading _global_.
std::optional<std::string> absolute(std::optional<std::string> package) {
  if (!package || *package == "_global_" || package->starts_with("_global_.")) return package;
  return package->empty() ? "_global_" : "_global_." + *package;
}

bool has_yaml_extension(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

fs::path file_name(const std::string& path) {
  return has_yaml_extension(path) ? fs::path(path) : fs::path(path + ".yaml");
}

}  // namespace

void ConfigTree::add_folder(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw Error(ErrorKind::usage, "configuration folder " + folder.string() + " does not exist", "",
                "give an existing folder to --config-dir");
  }
  places_.push_back({folder, {}});
  loaded_.clear();
}

void ConfigTree::add_embedded(std::span<const EmbeddedFile> files) {
  places_.push_back({{}, files});
  loaded_.clear();
}

std::optional<ConfigTree::Text> ConfigTree::read(const std::string& path) const {
  const fs::path name = file_name(path);
  for (const Place& place : places_) {
    if (!place.folder.empty()) {
      const fs::path file = place.folder / name;
      if (fs::is_regular_file(file)) return Text{read_file(file), file.string()};
      continue;
    }
    const auto embedded = std::ranges::find(place.files, name.string(), &EmbeddedFile::path);
    if (embedded != place.files.end()) return Text{std::string(embedded->text), "built-in " + name.string()};
  }
  return std::nullopt;
}

const ConfigFile* ConfigTree::load(const std::string& path) {
  const auto [entry, is_new] = loaded_.try_emplace(path);
  std::optional<ConfigFile>& file = entry->second;
  if (is_new) {
    if (const auto found = read(path)) {
      ConfigFile parsed;
      parsed.source = found->source;
      parsed.content = read_yaml(found->text, found->source);
      parsed.package = absolute(package_header(found->text));
      if (const Node* defaults = parsed.content.find("defaults")) {
        parsed.defaults = parse_defaults(*defaults);
        parsed.content.erase("defaults");
      }
      file = std::move(parsed);
    }
  }
  return file ? &*file : nullptr;
}

bool ConfigTree::has_group(const std::string& group) const {
  if (group.empty()) return false;
  return std::ranges::any_of(places_, [&](const Place& place) {
    if (!place.folder.empty()) return fs::is_directory(place.folder / group);
    return std::ranges::any_of(place.files, [&](const EmbeddedFile& f) { return f.path.starts_with(group + "/"); });
  });
}

std::vector<std::string> ConfigTree::options(const std::string& group) const {
  std::set<std::string> names;
  for (const Place& place : places_) {
    if (place.folder.empty()) {
      for (const EmbeddedFile& file : place.files) {
        const fs::path path(file.path);
        if (path.parent_path() == fs::path(group)) names.insert(path.stem().string());
      }
    } else if (const fs::path folder = place.folder / group; fs::is_directory(folder)) {
      for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.is_regular_file() && has_yaml_extension(entry.path())) names.insert(entry.path().stem().string());
      }
    }
  }
  return {names.begin(), names.end()};
}

std::string ConfigTree::describe() const {
  std::string out;
  for (const Place& place : places_) {
    out += (out.empty() ? "" : ", ") + (place.folder.empty() ? "built-in files" : place.folder.string());
  }
  return out;
}

}  // namespace tern::config
