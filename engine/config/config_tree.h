// Where configuration files come from: folders on disk and the files compiled into the program, searched in order.
// A file `arch/trm.yaml` is option `trm` of group `arch`.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/defaults_item.h"
#include "engine/config/node.h"

namespace tern::config {

// A file compiled into the program.
struct EmbeddedFile {
  std::string_view path;  // "arch/trm.yaml"
  std::string_view text;
};

// A loaded configuration file: its content without the defaults list, which is taken apart already.
struct ConfigFile {
  Node content;
  std::vector<DefaultsItem> defaults;
  std::optional<std::string> package;  // of a "# @package NAME" line at its head
  std::string source;                  // for messages: "conf/arch/trm.yaml", "built-in arch/trm.yaml"
};

class ConfigTree {
 public:
  // Folders and compiled-in files are searched in the order added. A folder that is none throws Error(usage).
  void add_folder(const std::filesystem::path& folder);
  void add_embedded(std::span<const EmbeddedFile> files);

  // The file of a path without extension ("arch/trm"), or nothing. Read once and kept. Throws Error(usage) on
  // malformed content.
  [[nodiscard]] const ConfigFile* load(const std::string& path);

  // True where some file or folder lies below this group path.
  [[nodiscard]] bool has_group(const std::string& group) const;

  // Options of a group, sorted; of "": the configurations at the top.
  [[nodiscard]] std::vector<std::string> options(const std::string& group) const;

  // "conf, built-in", for messages.
  [[nodiscard]] std::string describe() const;

 private:
  struct Place {
    std::filesystem::path folder;  // empty: compiled in
    std::span<const EmbeddedFile> files;
  };

  struct Text {
    std::string text;
    std::string source;
  };
  [[nodiscard]] std::optional<Text> read(const std::string& path) const;

  std::vector<Place> places_;
  std::map<std::string, std::optional<ConfigFile>> loaded_;
};

}  // namespace tern::config
