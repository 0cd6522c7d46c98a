// Values as text that keeps types apart, as tests/reference/config/record.py writes them.
#pragma once

#include <string>

#include "engine/config/node.h"

namespace tern::config::test {

// null, true, i:12, f:0.5, "text", [a,b], {"key":value}
[[nodiscard]] std::string canonical(const Node& node);

// Sorted keys at every level, for comparisons in which order does not count.
[[nodiscard]] Node with_sorted_keys(Node node);

}  // namespace tern::config::test
