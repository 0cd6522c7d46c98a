// Nodes as YAML text, laid out and quoted exactly as OmegaConf.to_yaml does it, so that --cfg job can be compared
// with Hydra's line by line.
#pragma once

#include <string>

#include "engine/config/node.h"

namespace tern::config {

// The node as a document that ends in a newline; keys keep their order.
[[nodiscard]] std::string write_yaml(const Node& node);

}  // namespace tern::config
