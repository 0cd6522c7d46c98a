// The configs folder, compiled into the programs so that one binary runs anywhere.
#pragma once

#include <span>

#include "engine/config/config_tree.h"

namespace tern {

[[nodiscard]] std::span<const config::EmbeddedFile> shipped_configs();

}  // namespace tern
