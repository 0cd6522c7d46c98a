// Splits an override into tokens: the longest match wins, and among equally long ones the first kind listed here.
#pragma once

#include <string>
#include <vector>

namespace tern::config {

enum class TokenKind {
  // Before the first '='.
  equal,
  tilde,
  plus,
  at,
  slash,
  key_word,
  key_path,
  // Values.
  paren_open,
  comma,
  paren_close,
  bracket_open,
  bracket_close,
  brace_open,
  brace_close,
  colon,
  number,
  integer,
  boolean,
  null,
  other_character,
  word,
  escape,
  space,
  quoted,
  interpolation,
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;
  size_t position = 0;  // of its first character in the override
};

// Tokens of a whole override, closed by an `end` token. Throws Error(usage) on a character no token begins with;
// `where` names the override in the message.
[[nodiscard]] std::vector<Token> tokenize_override(const std::string& text, const std::string& where);

// The same for a value alone.
[[nodiscard]] std::vector<Token> tokenize_value(const std::string& text, const std::string& where);

// The error for a character or token that doesn't fit; position counts from 0.
[[noreturn]] void throw_malformed(const std::string& what, size_t position, const std::string& where);

}  // namespace tern::config
