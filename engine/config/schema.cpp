#include "engine/config/schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "engine/config/nearest.h"
#include "engine/config/override.h"
#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

std::string short_number(double value) {
  if (value == std::trunc(value) && std::fabs(value) < 1e15) return std::to_string(static_cast<int64_t>(value));
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%g", value);
  return buffer.data();
}

std::string bounds_text(const OptionInfo& option) {
  std::string text;
  if (option.minimum) text += (option.minimum_excluded ? " > " : " >= ") + short_number(*option.minimum);
  if (option.maximum) {
    text += (option.minimum ? " and" : "") + std::string(option.maximum_excluded ? " < " : " <= ") +
            short_number(*option.maximum);
  }
  return text;
}

std::string noun(const OptionInfo& option) {
  const std::string s = option.is_list ? "s" : "";
  const std::string a = option.is_list ? "" : "a ";
  switch (option.kind) {
    case ValueKind::integer: return (option.is_list ? "integers" : "an integer") + bounds_text(option);
    case ValueKind::number: return a + "number" + s + bounds_text(option);
    case ValueKind::boolean: return "true or false";
    case ValueKind::structure: return a + "mapping" + s;
    case ValueKind::text: return option.may_be_empty || option.is_list ? "text" : "text that isn't empty";
  }
  return "";
}

std::string quoted(const Node& value) {
  return "'" + (value.is_text() ? value.text() : inline_text(value)) + "'";
}

[[noreturn]] void fail(const OptionInfo& option, const Node& value, const std::string& key,
                       const std::string& fix = "") {
  const std::string where = value.origin.describe();
  throw Error(ErrorKind::usage, key + " needs " + option.expected() + ", not " + quoted(value),
              where.empty() ? "" : "in " + where, fix);
}

std::optional<Node::Value> as_integer(const Node& value) {
  if (value.is_integer()) return value.value;
  if (const auto* d = std::get_if<double>(&value.value); d != nullptr && std::fabs(*d) < 9e15 && *d == std::trunc(*d)) {
    return static_cast<int64_t>(*d);
  }
  if (value.is_text()) {
    if (const auto i = python_int(value.text())) return *i;
  }
  return std::nullopt;
}

std::optional<Node::Value> as_number(const Node& value) {
  std::optional<double> number;
  if (const auto* i = std::get_if<int64_t>(&value.value)) number = static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&value.value)) number = *d;
  if (value.is_text()) number = python_float(value.text());
  if (!number || !std::isfinite(*number)) return std::nullopt;
  return *number;
}

std::optional<Node::Value> as_boolean(const Node& value) {
  if (value.is_boolean()) return value.value;
  if (!value.is_text() && !value.is_integer()) return std::nullopt;
  const std::string word = lower_case(python_str(value));
  for (const char* yes : {"true", "yes", "on", "1", "t", "y"}) {
    if (word == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0", "f", "n"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

// Numbers and words like 007 or 1e3 are texts as the user spelt them.
std::optional<Node::Value> as_text(const Node& value) {
  if (value.is_text()) return value.value;
  if (value.is_null() || value.is_list() || value.is_map()) return std::nullopt;
  return value.spelling.empty() ? python_str(value) : value.spelling;
}

std::optional<Node::Value> converted(ValueKind kind, const Node& value) {
  switch (kind) {
    case ValueKind::integer: return as_integer(value);
    case ValueKind::number: return as_number(value);
    case ValueKind::boolean: return as_boolean(value);
    case ValueKind::text: return as_text(value);
    case ValueKind::structure: return value.is_map() ? std::optional(value.value) : std::nullopt;
  }
  return std::nullopt;
}

bool within_bounds(const OptionInfo& option, const Node& value) {
  if (!option.minimum && !option.maximum) return true;
  const double number = std::get<double>(*as_number(value));
  if (option.minimum && (option.minimum_excluded ? number <= *option.minimum : number < *option.minimum)) return false;
  return !option.maximum || (option.maximum_excluded ? number < *option.maximum : number <= *option.maximum);
}

Node checked_item(const OptionInfo& option, const Node& value, const std::string& key) {
  const auto converted_value = converted(option.kind, value);
  if (!converted_value) fail(option, value, key);
  Node result(*converted_value, value.origin);
  if (!within_bounds(option, result)) fail(option, value, key);
  if (result.is_text()) {
    if (!option.choices.empty() && std::ranges::find(option.choices, result.text()) == option.choices.end()) {
      fail(option, value, key, did_you_mean(result.text(), option.choices, ""));
    }
    if (!option.may_be_empty && result.text().empty()) fail(option, value, key);
  }
  return result;
}

constexpr size_t kHelpColumn = 36;
constexpr size_t kHelpWidth = 120;

// Breaks a text at spaces; further lines begin below the first.
std::string wrapped(const std::string& text, size_t column) {
  std::string out;
  size_t used = column;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find(' ', start), text.size());
    const size_t length = end - start;
    if (used > column && used + 1 + length > kHelpWidth) {
      out += "\n" + std::string(column, ' ');
      used = column;
    } else if (used > column) {
      out += ' ';
      ++used;
    }
    out += text.substr(start, length);
    used += length;
    start = end + 1;
  }
  return out;
}

}  // namespace

OptionInfo& OptionInfo::at_least(double bound) {
  minimum = bound;
  minimum_excluded = false;
  return *this;
}

OptionInfo& OptionInfo::above(double bound) {
  minimum = bound;
  minimum_excluded = true;
  return *this;
}

OptionInfo& OptionInfo::at_most(double bound) {
  maximum = bound;
  maximum_excluded = false;
  return *this;
}

OptionInfo& OptionInfo::below(double bound) {
  maximum = bound;
  maximum_excluded = true;
  return *this;
}

OptionInfo& OptionInfo::one_of(std::vector<std::string> words) {
  choices = std::move(words);
  return *this;
}

OptionInfo& OptionInfo::not_empty() {
  may_be_empty = false;
  return *this;
}

OptionInfo& OptionInfo::required() {
  is_required = true;
  return *this;
}

OptionInfo& OptionInfo::when_absent(Node value) {
  absent_value = std::move(value);
  return *this;
}

std::string OptionInfo::expected() const {
  const char* out_of = is_list ? "words out of " : "one of ";
  std::string text = choices.empty() ? noun(*this) : (choices.size() == 1 ? "" : out_of) + join_words(choices);
  if (is_list) text = (may_be_empty ? "a list of " : "a list (not empty) of ") + text;
  return nullable ? text + ", or null" : text;
}

Node checked_value(const OptionInfo& option, const Node& value, const std::string& full_key) {
  if (value.is_missing()) {
    throw Error(ErrorKind::usage, full_key + " is not set", "in " + value.origin.describe(),
                "give " + option.expected() + ": " + full_key + "=VALUE");
  }
  if (value.is_null() && option.nullable) return value;
  if (!option.is_list) return checked_item(option, value, full_key);
  if (!value.is_list()) {
    const bool scalar = !value.is_null() && !value.is_map();
    fail(option, value, full_key, scalar ? "write " + full_key + "=[" + inline_text(value) + "]" : "");
  }
  if (value.list().empty() && !option.may_be_empty) fail(option, value, full_key);
  OptionInfo item = option;
  item.is_list = item.nullable = false;
  item.may_be_empty = true;
  Node result = value;
  for (size_t i = 0; i < result.list().size(); ++i) {
    result.list()[i] = checked_item(item, value.list()[i], join_key(full_key, std::to_string(i)));
  }
  return result;
}

void refuse_absence(const OptionInfo& option, const Node& mapping, const std::string& full_key) {
  throw Error(ErrorKind::usage, full_key + " is missing", "in " + mapping.origin.describe(),
              "give " + option.expected());
}

void refuse_unknown_keys(const Node& config, const std::vector<std::string>& known_keys, const std::string& prefix) {
  const auto check = [&](const auto& self, const Node& mapping, const std::string& path) -> void {
    for (const Entry& entry : mapping.map()) {
      const std::string key = join_key(path, entry.key);
      if (std::ranges::find(known_keys, key) != known_keys.end()) continue;
      const bool holds_known =
          std::ranges::any_of(known_keys, [&](const std::string& known) { return known.starts_with(key + "."); });
      const std::string where = "in " + entry.origin.describe();
      if (!holds_known) {
        throw Error(ErrorKind::usage, "unknown key '" + join_key(prefix, key) + "'", where,
                    did_you_mean(key, known_keys, "--help lists all keys"));
      }
      if (!entry.value.is_map()) {
        throw Error(ErrorKind::usage, join_key(prefix, key) + " needs a mapping, not " + quoted(entry.value),
                    "in " + entry.value.origin.describe());
      }
      self(self, entry.value, key);
    }
  };
  check(check, config, "");
}

std::string places_of(const Node* source, const std::vector<std::string>& keys) {
  std::vector<std::string> places;
  for (const std::string& key : keys) {
    const Node* node = source == nullptr ? nullptr : select(*source, key);
    const std::string place = node == nullptr ? "" : node->origin.describe();
    if (!place.empty() && std::ranges::find(places, place) == places.end()) places.push_back(place);
  }
  if (places.empty()) return "in the configuration";
  std::string out = "in " + places.front();
  for (size_t i = 1; i < places.size(); ++i) out += " and " + places[i];
  return out;
}

void set_path(Node& root, const std::string& path, Node value) {
  const std::vector<std::string> parts = split_key(path);
  Node* node = &root;
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (node->find(parts[i]) == nullptr) node->set(parts[i], Node(Node::Map{}));
    node = node->find(parts[i]);
  }
  node->set(parts.back(), std::move(value));
}

std::string inline_text(const Node& node) {
  if (node.is_null()) return "null";
  if (node.is_text()) return quote_override_value(node.text());
  std::string out;
  if (node.is_list()) {
    for (const Node& item : node.list()) out += (out.empty() ? "" : ",") + inline_text(item);
    return "[" + out + "]";
  }
  if (node.is_map()) {
    for (const Entry& entry : node.map()) out += (out.empty() ? "" : ",") + entry.key + ":" + inline_text(entry.value);
    return "{" + out + "}";
  }
  return python_str(node);
}

std::string help_text(const std::vector<OptionInfo>& options, const std::string& prefix) {
  std::string out;
  std::string section;
  for (const OptionInfo& option : options) {
    if (option.section != section) {
      section = option.section;
      out += (out.empty() ? "" : "\n") + section + ":\n";
    }
    std::string line = "  " + join_key(prefix, option.key) + "=" + inline_text(option.default_value);
    line += line.size() < kHelpColumn - 1 ? std::string(kHelpColumn - line.size(), ' ')
                                          : "\n" + std::string(kHelpColumn, ' ');
    out += line + wrapped(option.help + " (" + option.expected() + ")", kHelpColumn) + "\n";
  }
  return out;
}

}  // namespace tern::config
