#include <algorithm>

#include "base/error.h"
#include "engine/config/override.h"
#include "engine/config/override_functions.h"
#include "engine/config/override_lexer.h"
#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

constexpr int kMaxDepth = 64;

// Drops the backslash before each escaped character.
std::string unescape_pairs(const std::string& text) {
  std::string out;
  for (size_t i = 1; i < text.size(); i += 2) out += text[i];
  return out;
}

// Inside quotes only backslashes that lead up to a quote are escapes; each pair stands for its second character.
std::string unescape_quoted(const std::string& token) {
  const char quote = token[0];
  std::string out;
  for (size_t i = 1; i + 1 < token.size();) {
    size_t end = i;
    while (token[end] == '\\') ++end;
    if (end > i && token[end] == quote) {
      const bool closing = end + 1 == token.size();
      out.append((end - i) / 2, '\\');
      if (!closing) out += quote;
      i = closing ? end : end + 1;
    } else if (end > i) {
      out.append(end - i, '\\');
      i = end;
    } else {
      out += token[i++];
    }
  }
  return out;
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, Origin origin) : tokens_(std::move(tokens)), origin_(std::move(origin)) {}

  Override override_line() {
    Override result;
    if (take(TokenKind::plus)) {
      result.type = take(TokenKind::plus) ? Override::Type::force_add : Override::Type::add;
    } else if (take(TokenKind::tilde)) {
      result.type = Override::Type::remove;
    }
    result.key = package_or_group();
    if (take(TokenKind::at)) result.package = package();
    if (result.key.empty()) unexpected("a key is missing");
    if (result.type == Override::Type::remove && peek() == TokenKind::end) return result;
    expect(TokenKind::equal, "'='");
    if (peek() == TokenKind::end) {
      result.value = Node(std::string(), origin_);
      return result;
    }
    Element element = value();
    if (element.sweep) {
      result.sweep = std::move(element.sweep);
    } else {
      result.value = std::move(element.node);
    }
    return result;
  }

  Node single_value() {
    const size_t start = tokens_.front().position;
    const Element result = value();
    if (result.sweep) throw_malformed("several values", start, origin_.describe());
    return result.node;
  }

 private:
  [[nodiscard]] TokenKind peek(size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)].kind;
  }
  const Token& advance() { return tokens_[next_++]; }

  bool take(TokenKind kind) {
    if (peek() != kind) return false;
    ++next_;
    return true;
  }

  [[noreturn]] void unexpected(const std::string& what) const {
    throw_malformed(what, tokens_[next_].position, origin_.describe());
  }

  void expect(TokenKind kind, const std::string& name) {
    if (take(kind)) return;
    if (peek() == TokenKind::end) unexpected(name + " is missing");
    unexpected("unexpected '" + tokens_[next_].text + "' instead of " + name);
  }

  std::string package() {
    const bool named = peek() == TokenKind::word || peek() == TokenKind::key_word || peek() == TokenKind::key_path;
    return named ? advance().text : "";
  }

  std::string package_or_group() {
    const bool may_be_group = peek() == TokenKind::word;
    std::string key = package();
    while (may_be_group && take(TokenKind::slash)) {
      if (peek() != TokenKind::word) unexpected("a group name is missing");
      key += "/" + advance().text;
    }
    return key;
  }

  Element value() {
    Element first = element(0);
    if (peek() == TokenKind::comma) {
      Sweep sweep;
      sweep.simple = true;
      sweep.values.push_back(plain(std::move(first)));
      while (take(TokenKind::comma)) sweep.values.push_back(plain(element(0)));
      first = {Node{}, std::move(sweep)};
    }
    expect(TokenKind::end, "the end");
    return first;
  }

  // Sweeps stand alone, never inside lists or other sweeps.
  Node plain(Element element) const {
    if (element.sweep) unexpected("a sweep inside another value");
    return std::move(element.node);
  }

  Element element(int depth) {
    if (depth > kMaxDepth) unexpected("brackets nest too deeply");
    if (peek() == TokenKind::bracket_open) return {list(depth), {}};
    if (peek() == TokenKind::brace_open) return {mapping(depth), {}};
    if (peek() == TokenKind::word && peek(1) == TokenKind::paren_open) return function(depth);
    return {primitive(false), {}};
  }

  Node list(int depth) {
    advance();
    Node::List items;
    if (take(TokenKind::bracket_close)) return {std::move(items), origin_};
    do {
      items.push_back(plain(element(depth + 1)));
    } while (take(TokenKind::comma));
    expect(TokenKind::bracket_close, "']'");
    return {std::move(items), origin_};
  }

  Node mapping(int depth) {
    advance();
    Node result(Node::Map{}, origin_);
    if (take(TokenKind::brace_close)) return result;
    do {
      const std::string key = python_str(primitive(true));
      expect(TokenKind::colon, "':'");
      result.set(key, plain(element(depth + 1)));
    } while (take(TokenKind::comma));
    expect(TokenKind::brace_close, "'}'");
    return result;
  }

  Element function(int depth) {
    FunctionCall call{advance().text, {}, {}, origin_};
    advance();
    if (take(TokenKind::paren_close)) return call_function(call);
    do {
      if (peek() == TokenKind::word && peek(1) == TokenKind::equal) {
        const std::string name = advance().text;
        advance();
        call.named.emplace_back(name, element(depth + 1));
      } else if (!call.named.empty()) {
        unexpected("a positional argument after a named one");
      } else {
        call.arguments.push_back(element(depth + 1));
      }
    } while (take(TokenKind::comma));
    expect(TokenKind::paren_close, "')'");
    return call_function(call);
  }

  // A run of words, numbers, spaces and so on. One token alone keeps its type; several are text.
  Node primitive(bool is_key) {
    if (!is_key && peek() == TokenKind::quoted) return {unescape_quoted(advance().text), origin_};
    std::vector<const Token*> parts;
    while (is_primitive(peek(), is_key)) parts.push_back(&advance());
    if (parts.empty())
      unexpected(peek() == TokenKind::end ? "a value is missing" : "unexpected '" + tokens_[next_].text + "'");
    if (parts.front()->kind == TokenKind::space) parts.erase(parts.begin());
    if (!parts.empty() && parts.back()->kind == TokenKind::space) parts.pop_back();
    if (parts.empty()) unexpected("a value of spaces only");
    const bool one_scalar = parts.size() == 1 && parts[0]->kind != TokenKind::escape;
    if (one_scalar && parts[0]->kind != TokenKind::interpolation) return hydra_scalar(parts[0]->text, origin_);
    std::string text;
    for (const Token* part : parts) text += part->kind == TokenKind::escape ? unescape_pairs(part->text) : part->text;
    return {std::move(text), origin_};
  }

  static bool is_primitive(TokenKind kind, bool is_key) {
    switch (kind) {
      case TokenKind::word:
      case TokenKind::null:
      case TokenKind::integer:
      case TokenKind::number:
      case TokenKind::boolean:
      case TokenKind::other_character:
      case TokenKind::escape:
      case TokenKind::space: return true;
      case TokenKind::colon:
      case TokenKind::interpolation: return !is_key;
      default: return false;
    }
  }

  std::vector<Token> tokens_;
  Origin origin_;
  size_t next_ = 0;
};

}  // namespace

bool Override::concerns_hydra() const {
  return key == "hydra" || key.starts_with("hydra.") || key.starts_with("hydra/");
}

std::string Override::full_key() const {
  return package ? key + "@" + *package : key;
}

Override parse_override(const std::string& text, int number) {
  const Origin origin{"override #" + std::to_string(number) + " (" + text + ")"};
  Override result = Parser(tokenize_override(text, origin.describe()), origin).override_line();
  result.text = text;
  result.origin = origin;
  return result;
}

Node parse_override_value(const std::string& text, const Origin& origin) {
  return Parser(tokenize_value(text, origin.describe()), origin).single_value();
}

std::string quote_override_value(const std::string& text) {
  if (!text.empty()) {
    try {
      const Node node = parse_override_value(text, {});
      if (node.is_text() && node.text() == text && text.front() != '\'' && text.front() != '"') return text;
    } catch (const Error&) {
      // Not a bare word of the grammar: quoted below.
    }
  }
  std::string out = "'";
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && text[end] == '\\') ++end;
    const bool before_quote = end == text.size() || text[end] == '\'';
    out.append((end - i) * (before_quote ? 2 : 1), '\\');
    if (end < text.size()) {
      if (text[end] == '\'') out += '\\';
      out += text[end++];
    }
    i = end;
  }
  return out + "'";
}

}  // namespace tern::config
