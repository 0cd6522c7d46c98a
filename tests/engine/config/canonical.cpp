#include "tests/engine/config/canonical.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/config/scalar_text.h"

namespace tern::config::test {

namespace {

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

}  // namespace

std::string canonical(const Node& node) {
  if (node.is_null()) return "null";
  if (node.is_boolean()) return std::get<bool>(node.value) ? "true" : "false";
  if (node.is_integer()) return "i:" + std::to_string(std::get<int64_t>(node.value));
  if (node.is_number()) return "f:" + python_repr(std::get<double>(node.value));
  if (node.is_text()) return quoted(node.text());
  std::string out;
  if (node.is_list()) {
    for (const Node& item : node.list()) out += (out.empty() ? "" : ",") + canonical(item);
    return "[" + out + "]";
  }
  for (const Entry& entry : node.map()) {
    out += (out.empty() ? "" : ",") + quoted(entry.key) + ":" + canonical(entry.value);
  }
  return "{" + out + "}";
}

Node with_sorted_keys(Node node) {
  if (node.is_list()) {
    for (Node& item : node.list()) item = with_sorted_keys(item);
  } else if (node.is_map()) {
    for (Entry& entry : node.map()) entry.value = with_sorted_keys(entry.value);
    std::ranges::sort(node.map(), {}, &Entry::key);
  }
  return node;
}

}  // namespace tern::config::test
