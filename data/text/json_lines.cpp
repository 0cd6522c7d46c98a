#include "data/text/json_lines.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace tern::text {

namespace {

// Keeps one string of the outermost object and builds nothing else.
class ColumnReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit ColumnReader(const std::string& column) : column_(column) {}

  bool key(string_t& name) override {
    if (depth_ == 1) is_column_ = name == column_;
    return true;
  }
  bool string(string_t& value) override {
    if (depth_ == 1 && is_column_) text = std::move(value);
    return is_object_value(true);
  }
  bool null() override { return is_object_value(false); }
  bool boolean(bool) override { return is_object_value(false); }
  bool number_integer(number_integer_t) override { return is_object_value(false); }
  bool number_unsigned(number_unsigned_t) override { return is_object_value(false); }
  bool number_float(number_float_t, const string_t&) override { return is_object_value(false); }
  bool binary(binary_t&) override { return is_object_value(false); }
  bool start_object(size_t) override { return enter(true); }
  bool end_object() override { return leave(); }
  bool start_array(size_t) override { return enter(false); }
  bool end_array() override { return leave(); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    message = error.what();
    return false;
  }

  std::optional<std::string> text;
  bool has_other_type = false;  // the column's value isn't a string
  bool is_object = true;
  std::string message;

 private:
  // Every value passes here; only the outermost one stands at depth 0.
  bool is_object_value(bool is_string) {
    if (depth_ == 0) is_object = false;
    if (depth_ == 1 && is_column_) {
      has_other_type = !is_string;
      if (!is_string) text.reset();
    }
    return true;
  }
  bool enter(bool object) {
    if (depth_ == 0) {
      is_object = object;
    } else {
      is_object_value(false);
    }
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  const std::string& column_;
  int depth_ = 0;
  bool is_column_ = false;
};

// Unit of the \uXXXX escape at position i, if there is one.
std::optional<unsigned> unicode_escape(const std::string& line, size_t i) {
  if (i + 6 > line.size() || line[i] != '\\' || line[i + 1] != 'u') return std::nullopt;
  unsigned unit = 0;
  for (size_t k = i + 2; k < i + 6; ++k) {
    if (std::isxdigit(static_cast<unsigned char>(line[k])) == 0) return std::nullopt;
    unit = unit * 16 + static_cast<unsigned>(std::stoi(line.substr(k, 1), nullptr, 16));
  }
  return unit;
}

std::string replace_half_surrogates(std::string line) {
  const auto is_high = [](unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; };
  const auto is_low = [](unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; };
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    if (line[i] != '\\') continue;
    const auto unit = unicode_escape(line, i);
    if (!unit) {
      ++i;  // some other escape of two characters, "\\" among them
      continue;
    }
    const auto following = unicode_escape(line, i + 6);
    if (is_high(*unit) && following && is_low(*following)) {
      i += 11;
      continue;
    }
    if (is_high(*unit) || is_low(*unit)) line.replace(i, 6, "\\ufffd");
    i += 5;
  }
  return line;
}

}  // namespace

std::string parse_json_line(const std::string& line, const std::string& column, InvalidUtf8 policy,
                            const std::string& where) {
  ColumnReader reader(column);
  const bool replace = policy == InvalidUtf8::replace;
  const bool parsed = nlohmann::json::sax_parse(replace ? replace_half_surrogates(line) : line, &reader);
  if (!parsed) {
    if (reader.message.find("surrogate") != std::string::npos) {
      throw Error(ErrorKind::data, "half a surrogate pair in a \\u escape", where,
                  "mend the line, or pass --replace-invalid to put U+FFFD in its place");
    }
    // "[json.exception.parse_error.101] parse error at line 1, column 9: syntax error ...": the line is ours to name.
    const size_t column_at = std::min(reader.message.find("column "), reader.message.size());
    throw Error(ErrorKind::data, "not valid JSON at " + reader.message.substr(column_at), where,
                "write one JSON object a line");
  }
  if (!reader.is_object) throw Error(ErrorKind::data, "not a JSON object", where, "write one JSON object a line");
  if (reader.has_other_type) {
    throw Error(ErrorKind::data, "\"" + column + "\" is not a string", where, "name another column with --column");
  }
  if (!reader.text) {
    throw Error(ErrorKind::data, "no column \"" + column + "\"", where, "name the column with --column");
  }
  return std::move(*reader.text);
}

std::string format_json_line(std::string_view document, const std::string& column) {
  const nlohmann::json row = {{column, document}};
  return row.dump() + "\n";
}

}  // namespace tern::text
