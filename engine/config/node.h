// A configuration value: null, boolean, integer, number, text, list or mapping, and where it was written.
// YAML files and command-line overrides both become Nodes; everything after them works on Nodes alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tern::config {

// Where a value was written, for error messages.
struct Origin {
  std::string source;  // "conf/arch/trm.yaml" or "override #2 (lr=abc)"
  int line = 0;        // 1-based; 0: the source has no lines
  int column = 0;

  // "conf/arch/trm.yaml:12:3" or "override #2 (lr=abc)"; empty when unknown.
  [[nodiscard]] std::string describe() const;
};

struct Entry;

class Node {
 public:
  using List = std::vector<Node>;
  using Map = std::vector<Entry>;  // in the order written
  using Value = std::variant<std::monostate, bool, int64_t, double, std::string, List, Map>;

  // Out of line: GCC 12 takes the inlined moves of a variant for uninitialised reads.
  Node();  // null
  Node(Value v, Origin o = {});
  Node(const Node&);
  Node(Node&&) noexcept;
  Node& operator=(const Node&);
  Node& operator=(Node&&) noexcept;
  ~Node();

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  [[nodiscard]] bool is_boolean() const { return std::holds_alternative<bool>(value); }
  [[nodiscard]] bool is_integer() const { return std::holds_alternative<int64_t>(value); }
  [[nodiscard]] bool is_number() const { return std::holds_alternative<double>(value); }
  [[nodiscard]] bool is_text() const { return std::holds_alternative<std::string>(value); }
  [[nodiscard]] bool is_list() const { return std::holds_alternative<List>(value); }
  [[nodiscard]] bool is_map() const { return std::holds_alternative<Map>(value); }

  [[nodiscard]] const std::string& text() const { return std::get<std::string>(value); }
  [[nodiscard]] const List& list() const { return std::get<List>(value); }
  [[nodiscard]] List& list() { return std::get<List>(value); }
  [[nodiscard]] const Map& map() const { return std::get<Map>(value); }
  [[nodiscard]] Map& map() { return std::get<Map>(value); }

  // True for the text ???, which marks a value that the user has to give.
  [[nodiscard]] bool is_missing() const { return is_text() && text() == "???"; }

  // The value under a key of a mapping, or null where this is no mapping or lacks the key.
  [[nodiscard]] const Node* find(std::string_view key) const;
  [[nodiscard]] Node* find(std::string_view key);

  // Sets a key of a mapping; a new key goes to the end.
  void set(std::string_view key, Node child);
  void erase(std::string_view key);

  // "null", "boolean", "integer", "number", "text", "list" or "mapping".
  [[nodiscard]] const char* kind() const;

  // Equal values; origins and spellings don't count, 1 and 1.0 are equal, mappings may differ in order (as in Python).
  [[nodiscard]] bool same_value(const Node& other) const;

  Value value;
  Origin origin;
  std::string spelling;  // as the user wrote a scalar ("1e-4", "True"), for text options given 007 or 1e3
};

// Keys are text: 1 and '1' are the same key.
struct Entry {
  std::string key;
  Node value;
  Origin origin;  // of the key
};

// Gives a node and everything below it the same origin.
void set_origin(Node& node, const Origin& origin);

// "a.b" from "a" and "b"; "b" from "" and "b".
[[nodiscard]] std::string join_key(std::string_view prefix, std::string_view key);

// The parts of "a.b.0".
[[nodiscard]] std::vector<std::string> split_key(std::string_view path);

// The node at a dotted path; a part that is a number indexes a list. Null pointer where there is none.
[[nodiscard]] const Node* select(const Node& root, std::string_view path);
[[nodiscard]] Node* select(Node& root, std::string_view path);

// Puts `from` over `into`: mappings merge key by key, anything else replaces; ??? replaces nothing. Throws Error(usage)
// where a mapping meets a list.
void merge(Node& into, const Node& from);

}  // namespace tern::config
