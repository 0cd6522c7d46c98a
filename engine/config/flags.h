// nanochat's way of writing options: `--depth=20 --device-batch-size 32 --fp8` mean `depth=20 device_batch_size=32
// fp8=True`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/config/schema.h"

namespace tern::config {

// Flags as overrides; arguments that are no flags pass unchanged. Values of text options are quoted where the override
// grammar needs it, a boolean option may stand alone, and --no-fp8 means fp8=False. Throws Error(usage) on unknown
// flags, naming the nearest, and on a flag without its value.
[[nodiscard]] std::vector<std::string> flags_to_overrides(std::span<const std::string> arguments,
                                                          const std::vector<OptionInfo>& options);

}  // namespace tern::config
