// A configuration out of YAML groups and overrides, as Hydra composes it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/config/config_tree.h"
#include "engine/config/override.h"

namespace tern::config {

struct ComposeRequest {
  std::string config_name;          // the primary configuration, without .yaml
  std::vector<Override> overrides;  // no sweeps: expand_sweeps first
  // Keys that may be set without + although no file mentions them (a program's own options).
  std::vector<std::string> known_keys;
};

struct Composed {
  Node config;                                 // interpolations as written; no `hydra` node
  std::map<std::string, std::string> choices;  // chosen option by group
};

// Throws Error(usage) naming the file or override at fault, and the nearest key for an unknown one.
[[nodiscard]] Composed compose(ConfigTree& tree, const ComposeRequest& request);

// Applies one override of a value. Throws as compose does.
void apply_override(Node& config, const Override& override, const std::vector<std::string>& known_keys);

// Dotted paths of all values in a configuration, mappings included.
[[nodiscard]] std::vector<std::string> all_keys(const Node& config);

}  // namespace tern::config
