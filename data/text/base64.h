// Base64 of RFC 4648, section 4: standard alphabet, with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tern::text {

[[nodiscard]] std::string base64_encode(std::string_view bytes);

// Nothing if text isn't canonical base64: a foreign character, a wrong length or misplaced padding.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace tern::text
