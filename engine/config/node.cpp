#include "engine/config/node.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/error.h"

namespace tern::config {

namespace {

std::optional<double> as_double(const Node& node) {
  if (const auto* b = std::get_if<bool>(&node.value)) return *b ? 1.0 : 0.0;
  if (const auto* i = std::get_if<int64_t>(&node.value)) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&node.value)) return *d;
  return std::nullopt;
}

std::optional<size_t> list_index(const std::string& part, size_t size) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (error != std::errc() || end != part.data() + part.size() || index >= size) return std::nullopt;
  return index;
}

}  // namespace

std::string Origin::describe() const {
  if (line == 0) return source;
  return source + ":" + std::to_string(line) + ":" + std::to_string(column);
}

Node::Node() = default;
Node::Node(Value v, Origin o) : value(std::move(v)), origin(std::move(o)) {}
Node::Node(const Node&) = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(const Node&) = default;
Node& Node::operator=(Node&&) noexcept = default;
Node::~Node() = default;

const Node* Node::find(std::string_view key) const {
  if (!is_map()) return nullptr;
  const auto entry = std::ranges::find(map(), key, &Entry::key);
  return entry == map().end() ? nullptr : &entry->value;
}

Node* Node::find(std::string_view key) {
  return const_cast<Node*>(std::as_const(*this).find(key));
}

void Node::set(std::string_view key, Node child) {
  if (Node* old = find(key)) {
    *old = std::move(child);
    return;
  }
  Origin where = child.origin;
  map().push_back({std::string(key), std::move(child), std::move(where)});
}

void Node::erase(std::string_view key) {
  std::erase_if(map(), [&](const Entry& entry) { return entry.key == key; });
}

const char* Node::kind() const {
  static constexpr const char* kNames[] = {"null", "boolean", "integer", "number", "text", "list", "mapping"};
  return kNames[value.index()];
}

bool Node::same_value(const Node& other) const {
  const auto a = as_double(*this);
  const auto b = as_double(other);
  if (a && b) return *a == *b;
  if (value.index() != other.value.index()) return false;
  if (is_text()) return text() == other.text();
  if (is_list()) return std::ranges::equal(list(), other.list(), [](auto& x, auto& y) { return x.same_value(y); });
  if (is_map()) {
    return map().size() == other.map().size() && std::ranges::all_of(map(), [&](const Entry& entry) {
             const Node* match = other.find(entry.key);
             return match != nullptr && entry.value.same_value(*match);
           });
  }
  return true;  // both null
}

void set_origin(Node& node, const Origin& origin) {
  node.origin = origin;
  if (node.is_list()) {
    for (Node& item : node.list()) set_origin(item, origin);
  } else if (node.is_map()) {
    for (Entry& entry : node.map()) {
      entry.origin = origin;
      set_origin(entry.value, origin);
    }
  }
}

std::string join_key(std::string_view prefix, std::string_view key) {
  if (prefix.empty()) return std::string(key);
  return std::string(prefix) + "." + std::string(key);
}

std::vector<std::string> split_key(std::string_view path) {
  std::vector<std::string> parts;
  for (size_t start = 0;;) {
    const size_t dot = path.find('.', start);
    parts.emplace_back(path.substr(start, dot == std::string_view::npos ? dot : dot - start));
    if (dot == std::string_view::npos) return parts;
    start = dot + 1;
  }
}

const Node* select(const Node& root, std::string_view path) {
  const Node* node = &root;
  for (const std::string& part : split_key(path)) {
    if (node->is_list()) {
      const auto index = list_index(part, node->list().size());
      node = index ? &node->list()[*index] : nullptr;
    } else {
      node = node->find(part);
    }
    if (node == nullptr) return nullptr;
  }
  return node;
}

Node* select(Node& root, std::string_view path) {
  return const_cast<Node*>(select(std::as_const(root), path));
}

void merge(Node& into, const Node& from) {
  if ((into.is_map() && from.is_list()) || (into.is_list() && from.is_map())) {
    throw Error(ErrorKind::usage, std::string("a ") + from.kind() + " cannot be merged into a " + into.kind(),
                "in " + from.origin.describe(), "the " + std::string(into.kind()) + " is in " + into.origin.describe());
  }
  if (!into.is_map() || !from.is_map()) {
    if (!from.is_missing() || into.is_null()) into = from;
    return;
  }
  for (const Entry& entry : from.map()) {
    if (Node* old = into.find(entry.key)) {
      merge(*old, entry.value);
    } else {
      into.map().push_back(entry);
    }
  }
}

}  // namespace tern::config
