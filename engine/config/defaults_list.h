// Which files make up a configuration, in which order, and where in it each goes: Hydra's defaults list.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/config/config_tree.h"
#include "engine/config/override.h"

namespace tern::config {

// A file of the final list; `package` is the dotted place its content goes to ("": the top).
struct ComposedFile {
  std::string path;
  std::string package;
};

struct DefaultsResult {
  std::vector<ComposedFile> files;             // later ones are put over earlier ones
  std::map<std::string, std::string> choices;  // chosen option by group; "null" where none is
};

// Expands the defaults list of the primary configuration and of everything it names, with the overrides that choose
// options of groups (others don't belong here; see is_group_override). Throws Error(usage) on unknown files,
// overrides without a match, conflicting choices and files that include themselves.
[[nodiscard]] DefaultsResult expand_defaults(ConfigTree& tree, const std::string& config_name,
                                             const std::vector<Override>& group_overrides);

// True where the override chooses an option of a group rather than a value.
[[nodiscard]] bool is_group_override(const ConfigTree& tree, const Override& override);

}  // namespace tern::config
