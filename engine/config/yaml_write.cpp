#include "engine/config/yaml_write.h"

#include <array>
#include <cstdio>

#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

// PyYAML breaks a line at the first single space beyond this column.
constexpr size_t kLineWidth = 80;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

// The rules of PyYAML's emitter about what a text allows; they differ a little from YAML's own.
struct Analysis {
  bool plain = true;
  bool single_quoted = true;
};

bool is_indicator(std::string_view text, size_t i) {
  const bool followed_by_blank = i + 1 >= text.size() || is_blank(text[i + 1]);
  if (i == 0) {
    if (std::string_view("#,[]{}&*!|>'\"%@`").find(text[0]) != std::string_view::npos) return true;
    return (text[0] == '?' || text[0] == ':' || text[0] == '-') && followed_by_blank;
  }
  return (text[i] == ':' && followed_by_blank) || (text[i] == '#' && is_blank(text[i - 1]));
}

Analysis analyse(std::string_view text) {
  Analysis allow;
  if (text.starts_with("---") || text.starts_with("...")) allow.plain = false;
  if (text.starts_with(' ') || text.ends_with(' ')) allow.plain = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_indicator(text, i)) allow.plain = false;
    if (c == '\n') {
      allow.plain = false;
      if (i > 0 && text[i - 1] == ' ') allow.single_quoted = false;
      if (i + 1 < text.size() && text[i + 1] == ' ') allow.single_quoted = false;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      allow.plain = allow.single_quoted = false;
    }
  }
  return allow;
}

std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\0': out += "\\0"; break;
      case '\a': out += "\\a"; break;
      case '\b': out += "\\b"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\v': out += "\\v"; break;
      case '\f': out += "\\f"; break;
      case '\r': out += "\\r"; break;
      case '\x1b': out += "\\e"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          std::array<char, 8> escape{};
          std::snprintf(escape.data(), escape.size(), "\\x%02X", static_cast<unsigned char>(c));
          out += escape.data();
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

std::string scalar_text(const Node& node) {
  if (node.is_null()) return "null";
  if (const auto* b = std::get_if<bool>(&node.value)) return *b ? "true" : "false";
  if (const auto* d = std::get_if<double>(&node.value)) {
    std::string text = python_repr(*d);
    if (text == "nan" || text == "inf") return "." + text;
    if (text == "-inf") return "-.inf";
    // YAML 1.1 wants a point in a float: 1e-05 becomes 1.0e-05.
    if (text.find('.') == std::string::npos) text.insert(text.find('e'), ".0");
    return text;
  }
  return python_str(node);
}

bool needs_quotes(const std::string& text) {
  const bool single_letter_bool = text == "y" || text == "Y" || text == "n" || text == "N";
  return single_letter_bool || python_int(text) || python_float(text) || yaml_reads_as_other_type(text);
}

class Writer {
 public:
  std::string write(const Node& root) {
    if (root.is_map() && !root.map().empty()) {
      mapping(root, 0);
    } else if (root.is_list() && !root.list().empty()) {
      sequence(root, 0);
    } else {
      value(root, 0);
      out_ += '\n';
    }
    return std::move(out_);
  }

 private:
  // The writer stands at the mapping's first column.
  void mapping(const Node& node, size_t indent) {
    bool first = true;
    for (const Entry& entry : node.map()) {
      if (!first) out_.append(indent, ' ');
      first = false;
      string(entry.key, indent, true);
      out_ += ':';
      const Node& child = entry.value;
      if (child.is_map() && !child.map().empty()) {
        out_ += '\n';
        out_.append(indent + 2, ' ');
        mapping(child, indent + 2);
      } else if (child.is_list() && !child.list().empty()) {
        out_ += '\n';
        out_.append(indent, ' ');
        sequence(child, indent);
      } else {
        out_ += ' ';
        value(child, indent + 2);
        out_ += '\n';
      }
    }
  }

  void sequence(const Node& node, size_t indent) {
    bool first = true;
    for (const Node& item : node.list()) {
      if (!first) out_.append(indent, ' ');
      first = false;
      out_ += "- ";
      if (item.is_map() && !item.map().empty()) {
        mapping(item, indent + 2);
      } else if (item.is_list() && !item.list().empty()) {
        sequence(item, indent + 2);
      } else {
        value(item, indent + 2);
        out_ += '\n';
      }
    }
  }

  void value(const Node& node, size_t indent) {
    if (node.is_map()) {
      out_ += "{}";
    } else if (node.is_list()) {
      out_ += "[]";
    } else if (node.is_text()) {
      string(node.text(), indent, false);
    } else {
      out_ += scalar_text(node);
    }
  }

  void string(const std::string& text, size_t indent, bool is_key) {
    const Analysis allow = analyse(text);
    const bool multi_line = text.find('\n') != std::string::npos;
    if (allow.plain && !needs_quotes(text)) {
      folded(text, indent, is_key, false);
    } else if (allow.single_quoted && !(is_key && multi_line)) {
      out_ += '\'';
      folded(text, indent, is_key, true);
      out_ += '\'';
    } else {
      out_ += double_quoted(text);
    }
  }

  // A single space beyond the line width becomes a line break; a run of line breaks is written with one more.
  void folded(const std::string& text, size_t indent, bool is_key, bool quoted) {
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      const bool lone_space = c == ' ' && i > 0 && i + 1 < text.size() && text[i - 1] != ' ' && text[i + 1] != ' ';
      if (lone_space && !is_key && column() > kLineWidth) {
        out_ += '\n';
        out_.append(indent, ' ');
      } else if (c == '\n') {
        if (i == 0 || text[i - 1] != '\n') out_ += '\n';
        out_ += '\n';
        if (i + 1 >= text.size() || text[i + 1] != '\n') out_.append(indent, ' ');
      } else {
        if (quoted && c == '\'') out_ += '\'';
        out_ += c;
      }
    }
  }

  [[nodiscard]] size_t column() const { return out_.size() - (out_.rfind('\n') + 1); }

  std::string out_;
};

}  // namespace

std::string write_yaml(const Node& node) {
  return Writer().write(node);
}

}  // namespace tern::config
