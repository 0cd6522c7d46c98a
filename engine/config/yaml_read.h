// YAML text as Nodes with line numbers, typed as OmegaConf types it (duplicate keys refused, 1e-4 a number, yes a
// boolean). yaml-cpp is an affair of yaml_read.cpp alone.
#pragma once

#include <string>

#include "engine/config/node.h"

namespace tern::config {

// The one document in `text`; an empty text is an empty mapping. `source` names it in origins and errors.
// Throws Error(usage) with file, line and column on malformed YAML, duplicate keys and several documents.
[[nodiscard]] Node read_yaml(const std::string& text, const std::string& source);

}  // namespace tern::config
