#include "engine/config/override_lexer.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_space(char c) {
  return c == ' ' || c == '\t';
}

size_t match_space(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && is_space(text[n])) ++n;
  return n;
}

// [A-Za-z_][A-Za-z0-9_-]*, with $ allowed too in keys.
size_t match_word(std::string_view text, bool dollar) {
  const auto fits = [&](char c) { return is_letter(c) || c == '_' || (dollar && c == '$'); };
  if (text.empty() || !fits(text[0])) return 0;
  size_t n = 1;
  while (n < text.size() && (fits(text[n]) || is_digit(text[n]) || text[n] == '-')) ++n;
  return n;
}

size_t match_key_part(std::string_view text) {
  const size_t word = match_word(text, true);
  if (word > 0) return word;
  return !text.empty() && is_digit(text[0]) ? match_hydra_int(text) : 0;
}

// Two or more parts joined by dots.
size_t match_key_path(std::string_view text) {
  size_t n = match_key_part(text);
  if (n == 0) return 0;
  bool dotted = false;
  while (n < text.size() && text[n] == '.') {
    const size_t part = match_key_part(text.substr(n + 1));
    if (part == 0) break;
    n += 1 + part;
    dotted = true;
  }
  return dotted ? n : 0;
}

// An optional space, the character, an optional space.
size_t match_spaced(std::string_view text, char c, bool before, bool after) {
  const size_t lead = before ? match_space(text) : 0;
  if (lead >= text.size() || text[lead] != c) return 0;
  return lead + 1 + (after ? match_space(text.substr(lead + 1)) : 0);
}

// Up to the first closing quote that an even number of backslashes precedes.
size_t match_quoted(std::string_view text) {
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return 0;
  size_t backslashes = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == text[0] && backslashes % 2 == 0) return i + 1;
    backslashes = text[i] == '\\' ? backslashes + 1 : 0;
  }
  return 0;
}

size_t match_interpolation(std::string_view text) {
  if (!text.starts_with("${")) return 0;
  const size_t close = text.find('}');
  return close == std::string_view::npos || close == 2 ? 0 : close + 1;
}

size_t match_escape(std::string_view text) {
  size_t n = 0;
  while (n + 1 < text.size() && text[n] == '\\' &&
         std::string_view("\\()[]{}:=, \t").find(text[n + 1]) != std::string_view::npos) {
    n += 2;
  }
  return n;
}

size_t match_keyword(std::string_view text, std::string_view keyword) {
  return text.size() >= keyword.size() && lower_case(text.substr(0, keyword.size())) == keyword ? keyword.size() : 0;
}

struct Candidate {
  TokenKind kind;
  size_t length;
};

Candidate longest(std::initializer_list<Candidate> candidates) {
  return *std::ranges::max_element(candidates, {}, &Candidate::length);  // the first of equally long ones
}

Candidate match_in_key(std::string_view text) {
  const auto single = [&](char c) { return text[0] == c ? size_t{1} : size_t{0}; };
  return longest({{TokenKind::equal, match_spaced(text, '=', false, true)},
                  {TokenKind::tilde, single('~')},
                  {TokenKind::plus, single('+')},
                  {TokenKind::at, single('@')},
                  {TokenKind::colon, single(':')},
                  {TokenKind::slash, single('/')},
                  {TokenKind::word, match_word(text, false)},
                  {TokenKind::key_word, match_word(text, true)},
                  {TokenKind::key_path, match_key_path(text)}});
}

Candidate match_in_value(std::string_view text) {
  const bool other = std::string_view("/-\\+.$%*@?|").find(text[0]) != std::string_view::npos;
  return longest({{TokenKind::paren_open, match_spaced(text, '(', true, true)},
                  {TokenKind::comma, match_spaced(text, ',', true, true)},
                  {TokenKind::paren_close, match_spaced(text, ')', true, false)},
                  {TokenKind::bracket_open, match_spaced(text, '[', false, true)},
                  {TokenKind::bracket_close, match_spaced(text, ']', true, false)},
                  {TokenKind::brace_open, match_spaced(text, '{', false, true)},
                  {TokenKind::brace_close, match_spaced(text, '}', true, false)},
                  {TokenKind::colon, match_spaced(text, ':', true, true)},
                  {TokenKind::equal, match_spaced(text, '=', true, true)},
                  {TokenKind::number, match_hydra_float(text)},
                  {TokenKind::integer, match_hydra_int(text)},
                  {TokenKind::boolean, std::max(match_keyword(text, "true"), match_keyword(text, "false"))},
                  {TokenKind::null, match_keyword(text, "null")},
                  {TokenKind::other_character, other ? size_t{1} : size_t{0}},
                  {TokenKind::word, match_word(text, false)},
                  {TokenKind::escape, match_escape(text)},
                  {TokenKind::space, match_space(text)},
                  {TokenKind::quoted, match_quoted(text)},
                  {TokenKind::interpolation, match_interpolation(text)}});
}

std::vector<Token> tokenize(const std::string& text, bool in_value, const std::string& where) {
  std::vector<Token> tokens;
  size_t position = 0;
  while (position < text.size()) {
    const std::string_view rest = std::string_view(text).substr(position);
    const auto [kind, length] = in_value ? match_in_value(rest) : match_in_key(rest);
    if (length == 0) throw_malformed("unexpected '" + text.substr(position, 1) + "'", position, where);
    tokens.push_back({kind, text.substr(position, length), position});
    if (kind == TokenKind::equal) in_value = true;
    position += length;
  }
  tokens.push_back({TokenKind::end, "", position});
  return tokens;
}

}  // namespace

std::vector<Token> tokenize_override(const std::string& text, const std::string& where) {
  return tokenize(text, false, where);
}

std::vector<Token> tokenize_value(const std::string& text, const std::string& where) {
  return tokenize(text, true, where);
}

void throw_malformed(const std::string& what, size_t position, const std::string& where) {
  throw Error(ErrorKind::usage, what + " at character " + std::to_string(position + 1), "in " + where,
              "write key=value and put quotes around text with special characters: key=\\'some text\\'");
}

}  // namespace tern::config
