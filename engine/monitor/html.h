// Text in HTML, attributes and SVG.
#pragma once

#include <string>
#include <string_view>

namespace tern {

// Harmless as element text and as a quoted attribute: & < > " ' become references, control characters except tab and
// line feed become U+FFFD.
[[nodiscard]] std::string html_escape(std::string_view text);

}  // namespace tern
