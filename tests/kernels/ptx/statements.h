// Splits PTX text into statements.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tern::ptx {

struct Statement {
  std::string text;  // without ';', white space collapsed; "{", "}" and "label:" stand alone
  int line;
};
std::vector<Statement> split_statements(const std::string& source);

// Parts between separators that are not inside [] {} (), without surrounding blanks.
std::vector<std::string> split_list(std::string_view text, char separator);
std::string_view trim(std::string_view text);

}  // namespace tern::ptx
