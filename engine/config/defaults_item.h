// One entry of a file's `defaults:` list.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/config/node.h"

namespace tern::config {

// `- arch: trm` has group "arch" and names {"trm"}; `- base/model` is a plain file with group "base", name "model".
struct DefaultsItem {
  bool is_self = false;                // _self_: the file's own content goes here
  bool is_plain_file = false;          // not a choice of a group: can't be overridden
  std::string group;                   // a leading / makes it absolute, else it is below the group of its file
  std::vector<std::string> names;      // none: `group: null`, nothing is chosen
  bool is_list = false;                // `group: [a, b]`
  std::optional<std::string> package;  // `group@package`
  bool optional = false;               // a missing file is no error
  bool is_override = false;            // changes the choice made elsewhere
  Origin origin;
};

// Takes a defaults list apart. Throws Error(usage) on entries of an unknown form.
[[nodiscard]] std::vector<DefaultsItem> parse_defaults(const Node& defaults);

}  // namespace tern::config
