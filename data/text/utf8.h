// UTF-8: decoding one character, finding what is invalid, and replacing it as Python's errors="replace" does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tern::text {

// One step of decoding. For an invalid sequence, valid is false and length is its maximal subpart: the longest start
// of a well-formed sequence, at least one byte (Unicode 3.9, recommended practice; also what Python replaces by one
// U+FFFD).
struct Utf8Step {
  uint32_t code_point = 0;
  uint8_t length = 1;
  bool valid = false;
};

// Decodes the character at the start of text, which must not be empty. Surrogates, overlong forms and values over
// U+10FFFF are invalid.
[[nodiscard]] Utf8Step decode_utf8(std::string_view text);

// Byte offset of the first invalid sequence, if any.
[[nodiscard]] std::optional<size_t> find_invalid_utf8(std::string_view text);

// Every invalid maximal subpart becomes U+FFFD; valid text is returned as it is.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view text);

// Bytes at the end of text that further bytes may make a character of: at most 3. For text that comes in pieces.
[[nodiscard]] size_t unfinished_utf8(std::string_view text);

// Number of code points in valid UTF-8.
[[nodiscard]] size_t count_code_points(std::string_view text);

// The first max_code_points code points of valid UTF-8.
[[nodiscard]] std::string_view crop_code_points(std::string_view text, size_t max_code_points);

// What to do with text that isn't UTF-8.
enum class InvalidUtf8 { reject, replace };

// Makes text valid UTF-8: replaces in place on request, else throws Error(data) naming where ("notes.txt") and the byte
// offset, counted from `offset` (the position of text in that file).
void require_utf8(std::string& text, InvalidUtf8 policy, const std::string& where, uint64_t offset = 0);

}  // namespace tern::text
