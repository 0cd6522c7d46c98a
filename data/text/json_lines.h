// One line of a JSONL file to the document in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "data/text/utf8.h"

namespace tern::text {

// The string under `column` in the JSON object that is the line (the last one, should the name be there twice). where
// names the line in messages ("x.jsonl line 17").
// Throws Error(data) when the line isn't a JSON object, or `column` is missing or not a string. A \u escape of half a
// surrogate pair, which has no UTF-8 form, is an error too, or becomes U+FFFD under InvalidUtf8::replace.
[[nodiscard]] std::string parse_json_line(const std::string& line, const std::string& column, InvalidUtf8 policy,
                                          const std::string& where);

// {"text": "..."} on one line, with a line feed at its end. Characters beyond ASCII stay as they are.
[[nodiscard]] std::string format_json_line(std::string_view document, const std::string& column);

}  // namespace tern::text
