// Descriptions of checkpoints and weight files as tables for a terminal.
#pragma once

#include <nlohmann/json.hpp>

namespace tern {

// Prints what describe() (engine/checkpoint/describe.h) gave to stdout.
void print_description(const nlohmann::ordered_json& about);

}  // namespace tern
