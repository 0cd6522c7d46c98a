#include "engine/config/interpolation_parser.h"

#include <string_view>

namespace tern::config {

namespace {

constexpr int kMaxDepth = 32;

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  // Literal text and interpolations up to the end.
  Pieces whole() {
    Pieces pieces;
    while (next_ < text_.size()) {
      size_t backslashes = 0;
      while (next_ + backslashes < text_.size() && text_[next_ + backslashes] == '\\') ++backslashes;
      if (text_.compare(next_ + backslashes, 2, "${") == 0) {
        // Backslashes count only before ${: each pair is one, an odd one makes the ${ literal.
        literal(pieces, std::string(backslashes / 2, '\\'));
        next_ += backslashes;
        if (backslashes % 2 == 1) {
          literal(pieces, "${");
          next_ += 2;
        } else {
          pieces.push_back(interpolation(0));
        }
      } else if (backslashes > 0) {
        literal(pieces, std::string(backslashes, '\\'));
        next_ += backslashes;
      } else {
        literal(pieces, text_.substr(next_++, 1));
      }
    }
    return pieces;
  }

 private:
  static void literal(Pieces& pieces, const std::string& text) {
    if (text.empty()) return;
    if (pieces.empty() || pieces.back().kind != Piece::Kind::literal) pieces.emplace_back();
    pieces.back().text += text;
  }

  [[nodiscard]] char peek() const { return next_ < text_.size() ? text_[next_] : '\0'; }
  [[nodiscard]] bool at_interpolation() const { return text_.compare(next_, 2, "${") == 0; }

  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') ++next_;
  }

  [[noreturn]] void fail(const std::string& why) const { throw MalformedInterpolation{why + " in '" + text_ + "'"}; }

  void expect(char c) {
    if (peek() != c || next_ >= text_.size())
      fail(std::string("'") + c + "' is missing at character " + std::to_string(next_ + 1));
    ++next_;
  }

  Piece interpolation(int depth) {
    if (depth > kMaxDepth) fail("interpolations nest too deeply");
    next_ += 2;
    skip_spaces();
    Piece piece;
    piece.kind = Piece::Kind::reference;
    while (peek() == '.') {
      ++piece.dots;
      ++next_;
    }
    bool plain_name = piece.dots == 0;  // may turn out to be a resolver's name
    piece.path.push_back(key(depth, plain_name));
    for (;;) {
      skip_spaces();
      if (peek() == '.') {
        ++next_;
        piece.path.push_back(key(depth, plain_name));
      } else if (peek() == '[') {
        piece.path.push_back(key(depth, plain_name));
      } else if (peek() == ':' && plain_name) {
        ++next_;
        return call(piece, depth);
      } else {
        expect('}');
        return piece;
      }
    }
  }

  // One key of a path: a word, an interpolation, or either in [brackets].
  Pieces key(int depth, bool& plain_name) {
    const bool bracketed = peek() == '[';
    if (bracketed) {
      ++next_;
      plain_name = false;
    }
    Pieces pieces;
    if (at_interpolation()) {
      plain_name = false;
      pieces.push_back(interpolation(depth + 1));
    } else {
      std::string word;
      while (next_ < text_.size() && std::string_view("\\{}()[]:. \t'\"").find(peek()) == std::string_view::npos) {
        word += text_[next_++];
      }
      if (word.empty()) fail("a key is missing at character " + std::to_string(next_ + 1));
      literal(pieces, word);
    }
    if (bracketed) expect(']');
    return pieces;
  }

  Piece call(const Piece& name, int depth) {
    Piece piece;
    piece.kind = Piece::Kind::call;
    for (const Pieces& part : name.path) piece.text += (piece.text.empty() ? "" : ".") + part.front().text;
    skip_spaces();
    if (peek() != '}') {
      do {
        piece.arguments.push_back(argument(depth));
      } while (peek() == ',' && ++next_ > 0);
    }
    expect('}');
    return piece;
  }

  Argument argument(int depth) {
    skip_spaces();
    Argument result;
    if (peek() == '\'' || peek() == '"') {
      result.quoted = true;
      const char quote = text_[next_++];
      while (peek() != quote) part(result.pieces, depth, quote);
      ++next_;
      skip_spaces();
      return result;
    }
    int brackets = 0;  // commas inside [..] and {..} belong to the argument
    while (brackets > 0 || (peek() != ',' && peek() != '}')) {
      if (peek() == '[' || (peek() == '{')) ++brackets;
      if (peek() == ']' || (peek() == '}')) --brackets;
      if (brackets < 0) fail("unexpected ']'");
      part(result.pieces, depth, '\0');
    }
    trim_end(result.pieces);
    return result;
  }

  // One character, escape or interpolation of an argument.
  void part(Pieces& pieces, int depth, char quote) {
    if (next_ >= text_.size())
      fail(quote != '\0' ? std::string(1, quote) + " is missing at the end" : "'}' is missing at the end");
    if (at_interpolation()) {
      pieces.push_back(interpolation(depth + 1));
      return;
    }
    const char following = next_ + 1 < text_.size() ? text_[next_ + 1] : '\0';
    const std::string_view escapable = quote == '\0' ? "\\()[]{}:=, \t" : (quote == '"' ? "\\\"" : "\\'");
    if (peek() == '\\' && following != '\0' && escapable.find(following) != std::string_view::npos) ++next_;
    literal(pieces, text_.substr(next_++, 1));
  }

  static void trim_end(Pieces& pieces) {
    if (pieces.empty() || pieces.back().kind != Piece::Kind::literal) return;
    std::string& text = pieces.back().text;
    text.erase(text.find_last_not_of(" \t") + 1);
    if (text.empty()) pieces.pop_back();
  }

  const std::string& text_;
  size_t next_ = 0;
};

}  // namespace

Pieces parse_interpolations(const std::string& text) {
  return Parser(text).whole();
}

}  // namespace tern::config
