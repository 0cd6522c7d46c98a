// The functions of the override grammar: int float str bool cast, choice range glob make sweeps, sort orders.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/config/override.h"

namespace tern::config {

// A parsed value: a node, or a sweep over several.
struct Element {
  Node node;
  std::optional<Sweep> sweep;
};

struct FunctionCall {
  std::string name;
  std::vector<Element> arguments;
  std::vector<std::pair<std::string, Element>> named;  // step=2
  Origin origin;
};

// Throws Error(usage) on unknown functions and arguments that don't fit.
[[nodiscard]] Element call_function(const FunctionCall& call);

}  // namespace tern::config
