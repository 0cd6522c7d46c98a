#include "data/text/utf8.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace tern::text {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Allowed range of the second byte after a lead byte: this is where overlong forms, surrogates and values over
// U+10FFFF are ruled out (Unicode, table 3-7).
struct SecondByte {
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};

SecondByte second_byte_range(uint8_t lead) {
  switch (lead) {
    case 0xE0: return {0xA0, 0xBF};
    case 0xED: return {0x80, 0x9F};
    case 0xF0: return {0x90, 0xBF};
    case 0xF4: return {0x80, 0x8F};
    default: return {};
  }
}

// Length of the ASCII start of text, eight bytes at a time.
size_t ascii_prefix(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & 0x8080808080808080ULL) != 0) break;
  }
  while (i < text.size() && static_cast<uint8_t>(text[i]) < 0x80) ++i;
  return i;
}

}  // namespace

Utf8Step decode_utf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const uint8_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  uint32_t code_point = lead & (0xFFU >> (length + 1));
  SecondByte allowed = second_byte_range(lead);
  for (uint8_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(i) < allowed.low || byte(i) > allowed.high) return {0, i, false};
    code_point = code_point << 6 | (byte(i) & 0x3FU);
    allowed = {};
  }
  return {code_point, length, true};
}

std::optional<size_t> find_invalid_utf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    at += ascii_prefix(text.substr(at));
    while (at < text.size() && static_cast<uint8_t>(text[at]) >= 0x80) {
      const Utf8Step step = decode_utf8(text.substr(at));
      if (!step.valid) return at;
      at += step.length;
    }
  }
  return std::nullopt;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (const auto invalid = find_invalid_utf8(text)) {
    result.append(text.substr(0, *invalid)).append(kReplacement);
    text.remove_prefix(*invalid + decode_utf8(text.substr(*invalid)).length);
  }
  return result.append(text);
}

size_t unfinished_utf8(std::string_view text) {
  for (size_t count = 1; count <= std::min<size_t>(3, text.size()); ++count) {
    const auto lead = static_cast<uint8_t>(text[text.size() - count]);
    if (lead < 0x80) return 0;
    if (lead < 0xC0) continue;  // inside a character
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    return length > count ? count : 0;
  }
  return 0;
}

size_t count_code_points(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

std::string_view crop_code_points(std::string_view text, size_t max_code_points) {
  if (text.size() <= max_code_points) return text;
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins_character = (static_cast<uint8_t>(text[i]) & 0xC0) != 0x80;
    if (begins_character && count++ == max_code_points) return text.substr(0, i);
  }
  return text;
}

void require_utf8(std::string& text, InvalidUtf8 policy, const std::string& where, uint64_t offset) {
  const auto invalid = find_invalid_utf8(text);
  if (!invalid) return;
  if (policy == InvalidUtf8::reject) {
    throw Error(ErrorKind::data, "invalid UTF-8 at byte " + std::to_string(offset + *invalid), where,
                "convert the text to UTF-8, or pass --replace-invalid to put U+FFFD in its place");
  }
  text = replace_invalid_utf8(text);
}

}  // namespace tern::text
