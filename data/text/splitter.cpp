#include "data/text/splitter.h"

namespace tern::text {

const char* const kSplitPattern =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";

namespace {

bool is_space(CharClass kind) {
  return kind == CharClass::space || kind == CharClass::newline;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// '(?i:[sdmt]|ll|ve|re) at the apostrophe that text begins with; 0 if it doesn't match. Ignoring case, s is also the
// long s, U+017F.
size_t contraction_length(std::string_view text) {
  if (text.size() < 2) return 0;
  const char first = lower(text[1]);
  if (first == 's' || first == 'd' || first == 'm' || first == 't') return 2;
  if (text.size() < 3) return 0;
  if (text.substr(1, 2) == "\u017F") return 3;
  const char second = lower(text[2]);
  const bool matches =
      (first == 'l' && second == 'l') || (first == 'v' && second == 'e') || (first == 'r' && second == 'e');
  return matches ? 3 : 0;
}

}  // namespace

// The character at a position, or a line feed of length 0 at the end of text: the class that ends every kind of run.
inline Character Splitter::at(std::string_view text, size_t position) const {
  if (position >= text.size()) return {CharClass::newline, 0};
  const auto byte = static_cast<uint8_t>(text[position]);
  if (byte < 0x80) return {classes_[byte], 1};
  return classify(classes_, text.substr(position));
}

// First position from `position` on whose character is of another class.
inline size_t Splitter::skip(std::string_view text, size_t position, CharClass kind) const {
  for (;;) {
    const Character c = at(text, position);
    if (c.kind != kind || c.length == 0) return position;
    position += c.length;
  }
}

// [^\s\p{L}\p{N}]++[\r\n]*
size_t Splitter::other_run(std::string_view text, size_t position) const {
  return skip(text, skip(text, position, CharClass::other), CharClass::newline);
}

// \s*[\r\n] | \s+(?!\S) | \s+: up to the last line end of the white space if there is one; else all of it at the end of
// text; else all but the last character, which may belong to the next piece; else that one character.
size_t Splitter::space_run(std::string_view text) const {
  size_t end = 0;
  size_t last_begin = 0;
  size_t after_newline = 0;
  for (Character c = at(text, 0); is_space(c.kind) && c.length > 0; c = at(text, end)) {
    last_begin = end;
    end += c.length;
    if (c.kind == CharClass::newline) after_newline = end;
  }
  if (after_newline > 0) return after_newline;
  if (end == text.size() || last_begin == 0) return end;
  return last_begin;
}

size_t Splitter::piece_length(std::string_view text) const {
  const Character first = at(text, 0);
  if (first.kind == CharClass::letter) return skip(text, first.length, CharClass::letter);
  if (first.kind == CharClass::number) {
    const Character second = at(text, first.length);
    return first.length + (second.kind == CharClass::number ? second.length : 0U);
  }
  if (first.kind == CharClass::newline) return space_run(text);
  if (text[0] == '\'') {
    if (const size_t length = contraction_length(text); length > 0) return length;
  }
  const Character second = at(text, first.length);
  if (second.kind == CharClass::letter) return skip(text, first.length + second.length, CharClass::letter);
  if (first.kind == CharClass::other) return other_run(text, first.length);
  if (text[0] == ' ' && second.kind == CharClass::other) return other_run(text, first.length);
  return space_run(text);
}

}  // namespace tern::text
