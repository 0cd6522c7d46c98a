#include "tests/kernels/ptx/statements.h"

#include <cctype>

namespace tern::ptx {
namespace {

// Comments become blanks and line-wide directives vanish; line breaks stay, so that lines can be counted.
std::string without_comments_and_directives(const std::string& source) {
  static constexpr std::string_view kDirectives[] = {".version", ".target", ".address_size", ".loc", ".file"};
  std::string result;
  for (size_t begin = 0; begin < source.size();) {
    size_t end = source.find('\n', begin);
    if (end == std::string::npos) end = source.size();
    std::string_view line(source.data() + begin, end - begin);
    line = line.substr(0, line.find("//"));
    const std::string_view text = trim(line);
    bool dropped = false;
    for (std::string_view directive : kDirectives) dropped = dropped || text.substr(0, directive.size()) == directive;
    if (!dropped) result += line;
    result += '\n';
    begin = end + 1;
  }
  return result;
}

bool is_label(std::string_view text) {
  if (text.empty() || !(text[0] == '$' || text[0] == '_' || std::isalpha(static_cast<unsigned char>(text[0]))))
    return false;
  return text.find(' ') == std::string_view::npos;
}

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

std::vector<Statement> split_statements(const std::string& source) {
  std::vector<Statement> statements;
  std::string current;
  int line = 1;
  const auto finish = [&] {
    if (!trim(current).empty()) statements.push_back({std::string(trim(current)), line});
    current.clear();
  };
  for (char c : without_comments_and_directives(source)) {
    if (c == '\n') ++line;
    if (std::isspace(static_cast<unsigned char>(c))) c = ' ';
    if (c == ' ' && (current.empty() || current.back() == ' ')) continue;
    // Braces of an instruction group registers; those of a directive open and close a body.
    const bool in_instruction = !current.empty() && current[0] != '.';
    if ((c == '{' || c == '}') && !in_instruction) {
      finish();
      statements.push_back({std::string(1, c), line});
    } else if (c == ';') {
      finish();
    } else if (c == ':' && is_label(current)) {
      current += ':';
      finish();
    } else {
      current += c;
    }
  }
  finish();
  return statements;
}

std::vector<std::string> split_list(std::string_view text, char separator) {
  std::vector<std::string> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : separator;
    if (c == '{' || c == '[' || c == '(') ++depth;
    if (c == '}' || c == ']' || c == ')') --depth;
    if (c != separator || (depth > 0 && i < text.size())) continue;
    const std::string_view part = trim(text.substr(begin, i - begin));
    if (!part.empty()) parts.emplace_back(part);
    begin = i + 1;
  }
  return parts;
}

}  // namespace tern::ptx
