#include "engine/config/scalar_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <regex>

#include "base/error.h"

namespace tern::config {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool starts_with_no_case(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() && lower_case(text.substr(0, lower.size())) == lower;
}

// digit (_? digit)*
size_t match_digits(std::string_view text) {
  if (text.empty() || !is_digit(text[0])) return 0;
  size_t n = 1;
  while (n < text.size()) {
    const size_t step = text[n] == '_' ? 1 : 0;
    if (n + step >= text.size() || !is_digit(text[n + step])) break;
    n += step + 1;
  }
  return n;
}

// 0 | [1-9] (_? digit)*
size_t match_unsigned(std::string_view text) {
  return text.starts_with('0') ? 1 : match_digits(text);
}

std::string without_underscores(std::string_view text) {
  std::string out(text);
  std::erase(out, '_');
  return out;
}

// Python allows an underscore only between two digits.
bool underscores_are_inside(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') continue;
    if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

[[noreturn]] void too_large(const std::string& text, const Origin& origin) {
  throw Error(ErrorKind::usage, text + " is not a 64-bit integer", "in " + origin.describe(), "quote it if it is text");
}

// Numbers longer than this are text: std::regex recurses once per character.
constexpr size_t kLongestNumber = 100;

bool matches(const std::string& text, const std::regex& pattern) {
  return text.size() <= kLongestNumber && std::regex_match(text, pattern);
}

bool is_yaml_bool(const std::string& s) {
  static constexpr std::array kWords = {"yes",   "Yes",   "YES",   "no", "No", "NO", "true", "True", "TRUE",
                                        "false", "False", "FALSE", "on", "On", "ON", "off",  "Off",  "OFF"};
  return std::ranges::find(kWords, s) != kWords.end();
}

bool is_yaml_null(const std::string& s) {
  return s.empty() || s == "~" || s == "null" || s == "Null" || s == "NULL";
}

bool is_yaml_float(const std::string& s) {
  static const std::regex kPattern(
      "[-+]?[0-9][0-9_]*\\.[0-9_]*(?:[eE][-+][0-9]+)?"
      "|\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
      "|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*"
      "|[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN)");
  return matches(s, kPattern);
}

// OmegaConf also takes 1e-4 and 1.0e5, which YAML 1.1 reads as text.
bool is_omegaconf_float(const std::string& s) {
  static const std::regex kPattern(
      "[-+]?[0-9]+(?:_[0-9]+)*\\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
      "|[-+]?[0-9]+(?:_[0-9]+)*[eE][-+]?[0-9]+");
  return is_yaml_float(s) || matches(s, kPattern);
}

bool is_yaml_int(const std::string& s) {
  static const std::regex kPattern(
      "[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+"
      "|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+");
  return matches(s, kPattern);
}

bool is_yaml_timestamp(const std::string& s) {
  static const std::regex kPattern(
      "[0-9]{4}-[0-9]{2}-[0-9]{2}"
      "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]*)?"
      "(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?");
  return matches(s, kPattern);
}

// 1:30:15 counts in sixties.
double sexagesimal(const std::string& digits) {
  double total = 0;
  for (size_t start = 0; start <= digits.size();) {
    const size_t colon = std::min(digits.find(':', start), digits.size());
    total = total * 60 + python_float(digits.substr(start, colon - start)).value_or(0);
    start = colon + 1;
  }
  return total;
}

Node yaml_integer(const std::string& plain, const Origin& origin) {
  std::string digits = without_underscores(plain);
  const bool negative = digits.starts_with('-');
  if (digits.starts_with('-') || digits.starts_with('+')) digits.erase(0, 1);
  if (digits.find(':') != std::string::npos) {
    const double value = sexagesimal(digits);
    if (value > 9e15) too_large(plain, origin);
    return {static_cast<int64_t>(negative ? -value : value), origin};
  }
  int base = 10;
  if (digits.starts_with("0b")) base = 2;
  if (digits.starts_with("0x")) base = 16;
  if (base != 10) digits.erase(0, 2);
  if (base == 10 && digits.size() > 1 && digits[0] == '0') base = 8;
  if (digits.empty()) return {std::string(plain), origin};  // 0x_ and the like: not a number after all
  if (negative) digits.insert(0, 1, '-');
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) too_large(plain, origin);
  return {value, origin};
}

Node yaml_float(const std::string& plain, const Origin& origin) {
  std::string digits = lower_case(without_underscores(plain));
  const double sign = digits.starts_with('-') ? -1 : 1;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.erase(0, 1);
  if (digits == ".inf") return {sign * INFINITY, origin};
  if (digits == ".nan") return {static_cast<double>(NAN), origin};
  if (digits.find(':') != std::string::npos) return {sign * sexagesimal(digits), origin};
  return {sign * python_float(digits).value_or(0), origin};
}

std::string python_item(const Node& node) {
  if (!node.is_text()) return python_str(node);
  const bool plain = node.text().find('\'') == std::string::npos;
  return plain ? "'" + node.text() + "'" : "\"" + node.text() + "\"";
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string python_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  std::array<char, 64> buffer{};
  const double size = std::fabs(value);
  const bool scientific = size < 1e-4 || size >= 1e16;
  const auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  std::string text(buffer.data(), end);
  if (!scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string python_str(const Node& node) {
  if (node.is_null()) return "None";
  if (const auto* b = std::get_if<bool>(&node.value)) return *b ? "True" : "False";
  if (const auto* i = std::get_if<int64_t>(&node.value)) return std::to_string(*i);
  if (const auto* d = std::get_if<double>(&node.value)) return python_repr(*d);
  if (node.is_text()) return node.text();
  std::string out;
  if (node.is_list()) {
    for (const Node& item : node.list()) out += (out.empty() ? "" : ", ") + python_item(item);
    return "[" + out + "]";
  }
  for (const Entry& entry : node.map())
    out += (out.empty() ? "'" : ", '") + entry.key + "': " + python_item(entry.value);
  return "{" + out + "}";
}

Node yaml_scalar(const std::string& plain, const Origin& origin) {
  Node node;
  if (is_yaml_bool(plain)) {
    const std::string lower = lower_case(plain);
    node = Node(lower == "true" || lower == "yes" || lower == "on", origin);
  } else if (is_yaml_null(plain)) {
    node = Node({}, origin);
  } else if (is_omegaconf_float(plain)) {
    node = yaml_float(plain, origin);
  } else if (is_yaml_int(plain)) {
    node = yaml_integer(plain, origin);
  } else {
    node = Node(plain, origin);
  }
  node.spelling = plain;
  return node;
}

bool yaml_reads_as_other_type(const std::string& plain) {
  return is_yaml_bool(plain) || is_yaml_null(plain) || is_yaml_float(plain) || is_yaml_int(plain) ||
         is_yaml_timestamp(plain) || plain == "=" || plain == "<<";
}

size_t match_hydra_int(std::string_view text) {
  const size_t sign = text.starts_with('+') || text.starts_with('-') ? 1 : 0;
  const size_t digits = match_unsigned(text.substr(sign));
  return digits == 0 ? 0 : sign + digits;
}

size_t match_hydra_float(std::string_view text) {
  const size_t sign = text.starts_with('+') || text.starts_with('-') ? 1 : 0;
  const std::string_view body = text.substr(sign);
  if (starts_with_no_case(body, "inf") || starts_with_no_case(body, "nan")) return sign + 3;
  const size_t whole = match_unsigned(body);
  size_t n = whole;
  bool has_point = false;
  if (n < body.size() && body[n] == '.') {
    const size_t fraction = match_digits(body.substr(n + 1));
    has_point = whole > 0 || fraction > 0;
    if (has_point) n += 1 + fraction;
  }
  bool has_exponent = false;
  if (n > 0 && n < body.size() && (body[n] == 'e' || body[n] == 'E')) {
    size_t m = n + 1;
    if (m < body.size() && (body[m] == '+' || body[m] == '-')) ++m;
    const size_t digits = match_digits(body.substr(m));
    has_exponent = digits > 0;
    if (has_exponent) n = m + digits;
  }
  return has_point || has_exponent ? sign + n : 0;
}

Node hydra_scalar(const std::string& word, const Origin& origin) {
  const std::string lower = lower_case(word);
  Node node(word, origin);
  if (!word.empty() && match_hydra_float(word) == word.size()) {
    node.value = python_float(word).value_or(0);
  } else if (!word.empty() && match_hydra_int(word) == word.size()) {
    const auto value = python_int(word);
    if (!value) too_large(word, origin);
    node.value = *value;
  } else if (lower == "true" || lower == "false") {
    node.value = lower == "true";
  } else if (lower == "null") {
    node.value = std::monostate{};
  }
  node.spelling = word;
  return node;
}

std::optional<double> python_float(std::string_view text) {
  text = trim(text);
  if (!underscores_are_inside(text)) return std::nullopt;
  std::string digits = lower_case(without_underscores(text));
  const bool negative = digits.starts_with('-');
  if (digits.starts_with('-') || digits.starts_with('+')) digits.erase(0, 1);
  if (digits.starts_with('-') || digits.starts_with("nan(")) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) return std::nullopt;
  // from_chars doesn't tell an overflow from an underflow; strtod does.
  if (error == std::errc::result_out_of_range) value = std::strtod(digits.c_str(), nullptr);
  return negative ? -value : value;
}

std::optional<int64_t> python_int(std::string_view text) {
  text = trim(text);
  if (!underscores_are_inside(text)) return std::nullopt;
  std::string digits = without_underscores(text);
  if (digits.starts_with('+')) digits.erase(0, 1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace tern::config
