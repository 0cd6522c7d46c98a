#include "data/puzzles/python_json.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace tern::puzzles {

namespace {

using Json = nlohmann::ordered_json;

void append(const Json& value, std::string& out);

void append_array(const Json& array, std::string& out) {
  out += '[';
  bool first = true;
  for (const Json& item : array) {
    if (!std::exchange(first, false)) out += ", ";
    append(item, out);
  }
  out += ']';
}

void append_object(const Json& object, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& [key, item] : object.items()) {
    if (!std::exchange(first, false)) out += ", ";
    out += quote_python_json(key);
    out += ": ";
    append(item, out);
  }
  out += '}';
}

void append(const Json& value, std::string& out) {
  if (value.is_array()) {
    append_array(value, out);
  } else if (value.is_object()) {
    append_object(value, out);
  } else if (value.is_number_float()) {
    out += python_float_repr(value.get<double>());
  } else {
    // Integers, booleans, null and strings look the same in both, once non-ASCII is escaped.
    out += value.dump(-1, ' ', true);
  }
}

}  // namespace

std::string dump_python_json(const Json& value) {
  std::string out;
  append(value, out);
  return out;
}

std::string quote_python_json(std::string_view text) {
  return Json(text).dump(-1, ' ', true);
}

std::string python_float_repr(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string scientific(buffer.data(), end.ptr);  // -d.ddde[+-]xx
  const size_t e = scientific.find('e');
  TERN_CHECK(e != std::string::npos, "float is not finite");
  const int exponent = std::stoi(scientific.substr(e + 1));
  if (exponent < -4 || exponent >= 16) return scientific;

  const std::string sign = scientific[0] == '-' ? "-" : "";
  std::string digits;
  for (const char c : scientific.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  if (exponent < 0) return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

}  // namespace tern::puzzles
