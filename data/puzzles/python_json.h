// JSON text exactly as Python's json.dump writes it with default options, for files that must equal upstream's.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace tern::puzzles {

// Separators ", " and ": ", non-ASCII characters as \uXXXX, floats as Python's repr, keys in the object's own order.
[[nodiscard]] std::string dump_python_json(const nlohmann::ordered_json& value);

// A JSON string literal with its quotes. text must be valid UTF-8 (what a JSON parser hands out).
[[nodiscard]] std::string quote_python_json(std::string_view text);

// Python's repr of a finite float: the shortest digits that read back as the same double, 1.0 with its ".0", an
// exponent only below 1e-4 and from 1e16 up.
[[nodiscard]] std::string python_float_repr(double value);

}  // namespace tern::puzzles
