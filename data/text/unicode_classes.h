// Character classes of the split pattern: \p{L}, \p{N} and \s of Unicode 16, as tiktoken and rustbpe see them.
#pragma once

#include <cstdint>
#include <string_view>

namespace tern::text {

// The split pattern tells carriage return and line feed from other white space; everything else is `other`: marks,
// punctuation, symbols, controls, unassigned code points, and bytes that are not UTF-8.
enum class CharClass : uint8_t { other, letter, number, space, newline };

// Class of each code point: an array of 0x110000 entries, built at the first call. Hold on to it in hot loops.
[[nodiscard]] const CharClass* code_point_classes();

// A decoded character: its class and how many bytes it takes (1-4).
struct Character {
  CharClass kind;
  uint8_t length;
};

// Character at the start of text, which must not be empty. A byte that doesn't begin a valid UTF-8 sequence is a
// character of one byte and class `other`, so that any bytes can be split and put together again. classes is
// code_point_classes().
[[nodiscard]] Character classify(const CharClass* classes, std::string_view text);

}  // namespace tern::text
