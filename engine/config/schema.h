// One declaration per option: key, member, range, help. Reading, error messages, --help, the dump and the log come
// from it; the default is the member's own initialiser and the type the member's type.
//
//   Schema<TrainConfig> schema("train");
//   schema.section("Optimizer");
//   schema.option("lr", &TrainConfig::lr, "learning rate").at_least(0);
//   schema.option("on_nan", &TrainConfig::on_nan, "when the loss is NaN").one_of({"stop", "skip"});
//   TrainConfig config = schema.read(resolved);
//
// Members: int64_t, double, bool, std::string, std::optional and std::vector of these, and vectors of structs that
// have a schema of their own. Keys may be dotted ("loss.loss_type").
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/config/node.h"

namespace tern::config {

enum class ValueKind { integer, number, boolean, text, structure };

// Everything about an option but the member it sets.
struct OptionInfo {
  std::string key;
  std::string help;
  std::string section;
  ValueKind kind = ValueKind::text;
  bool nullable = false;
  bool is_list = false;
  Node default_value;

  std::optional<double> minimum, maximum;
  bool minimum_excluded = false, maximum_excluded = false;
  std::vector<std::string> choices;
  bool may_be_empty = true;
  bool is_required = false;
  std::optional<Node> absent_value;

  // Bounds hold for every item of a list.
  OptionInfo& at_least(double bound);
  OptionInfo& above(double bound);
  OptionInfo& at_most(double bound);
  OptionInfo& below(double bound);
  OptionInfo& one_of(std::vector<std::string> words);
  OptionInfo& not_empty();              // of texts and lists
  OptionInfo& required();               // has to be written
  OptionInfo& when_absent(Node value);  // instead of the default, where no file mentions the key

  // "a number >= 0", "one of stop, skip, rollback", "a list of integers >= 1, or null".
  [[nodiscard]] std::string expected() const;
};

// The value as the option's type, lenient as upstream's pydantic is: "3" is an integer, 2.0 too, "true" a boolean.
// Throws Error(usage) naming key, value, place and what is expected.
[[nodiscard]] Node checked_value(const OptionInfo& option, const Node& value, const std::string& full_key);

// Throws Error(usage): a required option isn't written.
[[noreturn]] void refuse_absence(const OptionInfo& option, const Node& mapping, const std::string& full_key);

// Throws Error(usage), with the nearest known key, where `config` has a key that isn't known or a value where a
// mapping has to be. `prefix` stands before every key in messages.
void refuse_unknown_keys(const Node& config, const std::vector<std::string>& known_keys,
                         const std::string& prefix = "");

// "in override #2 (lr=1) and a.yaml:3:5": where the values of these dotted keys were written, for checks that span
// several keys. "in the configuration" where none was written or `source` is null.
[[nodiscard]] std::string places_of(const Node* source, const std::vector<std::string>& keys);

// Sets a dotted key, making mappings on the way.
void set_path(Node& root, const std::string& path, Node value);

// "[data/arc1]" or "null": a value in the override grammar, on one line.
[[nodiscard]] std::string inline_text(const Node& node);

// One line per option, "  key=default   help (expected)", under the titles of its sections. `prefix` stands before
// every key.
[[nodiscard]] std::string help_text(const std::vector<OptionInfo>& options, const std::string& prefix = "");

namespace detail {

template <class T>
struct TypeTraits;
template <>
struct TypeTraits<int64_t> {
  static constexpr ValueKind kind = ValueKind::integer;
};
template <>
struct TypeTraits<double> {
  static constexpr ValueKind kind = ValueKind::number;
};
template <>
struct TypeTraits<bool> {
  static constexpr ValueKind kind = ValueKind::boolean;
};
template <>
struct TypeTraits<std::string> {
  static constexpr ValueKind kind = ValueKind::text;
};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
void describe_type(OptionInfo& info) {
  if constexpr (IsOptional<T>::value) {
    info.nullable = true;
    describe_type<typename T::value_type>(info);
  } else if constexpr (IsVector<T>::value) {
    info.is_list = true;
    describe_type<typename T::value_type>(info);
  } else {
    info.kind = TypeTraits<T>::kind;
  }
}

// From and to nodes of exactly the right type (checked_value makes them so).
template <class T>
T from_node(const Node& node) {
  if constexpr (IsOptional<T>::value) {
    if (node.is_null()) return std::nullopt;
    return from_node<typename T::value_type>(node);
  } else if constexpr (IsVector<T>::value) {
    T items;
    for (const Node& item : node.list()) items.push_back(from_node<typename T::value_type>(item));
    return items;
  } else {
    return std::get<T>(node.value);
  }
}

template <class T>
Node to_node(const T& value) {
  if constexpr (IsOptional<T>::value) {
    return value ? to_node(*value) : Node();
  } else if constexpr (IsVector<T>::value) {
    Node::List items;
    for (const auto& item : value) items.push_back(to_node(item));
    return Node(std::move(items));
  } else {
    return Node(value);
  }
}

}  // namespace detail

template <class Config>
class Schema {
 public:
  // The owner prefixes nothing; it titles the options in the log.
  explicit Schema(std::string owner) : owner_(std::move(owner)) {}

  // Options declared from here on stand under this title in --help.
  void section(std::string title) { section_ = std::move(title); }

  template <class T>
  OptionInfo& option(const std::string& key, T Config::*member, const std::string& help) {
    Binding& binding = add(key, help);
    detail::describe_type<T>(binding.info);
    binding.set = [member](Config& config, const Node& node, const std::string&) {
      config.*member = detail::from_node<T>(node);
    };
    binding.get = [member](const Config& config) { return detail::to_node(config.*member); };
    binding.info.default_value = binding.get(Config());
    return binding.info;
  }

  // A list of mappings, each read by the items' schema.
  template <class Item>
  OptionInfo& list_of(const std::string& key, std::vector<Item> Config::*member, Schema<Item> items,
                      const std::string& help) {
    Binding& binding = add(key, help);
    binding.info.kind = ValueKind::structure;
    binding.info.is_list = true;
    binding.set = [member, items](Config& config, const Node& node, const std::string& full_key) {
      std::vector<Item>& target = config.*member;
      target.clear();
      for (size_t i = 0; i < node.list().size(); ++i) {
        const std::string prefix = join_key(full_key, std::to_string(i));
        refuse_unknown_keys(node.list()[i], items.keys(), prefix);
        target.push_back(items.read(node.list()[i], prefix));
      }
    };
    binding.get = [member, items](const Config& config) {
      Node::List list;
      for (const Item& item : config.*member) list.push_back(items.dump(item));
      return Node(std::move(list));
    };
    // Only what differs from an item's own defaults, to keep --help readable.
    Node::List defaults;
    const Config fresh;
    for (const Item& item : fresh.*member) defaults.push_back(items.dump(item, true));
    binding.info.default_value = Node(std::move(defaults));
    return binding.info;
  }

  // The options out of a resolved mapping; absent ones keep their defaults. Keys that belong to no option are left
  // to refuse_unknown_keys. `prefix` is the mapping's own key, for messages.
  [[nodiscard]] Config read(const Node& mapping, const std::string& prefix = "") const {
    Config config;
    for (const Binding& binding : bindings_) {
      const Node* value = select(mapping, binding.info.key);
      if (value == nullptr && binding.info.absent_value) value = &*binding.info.absent_value;
      const std::string full_key = join_key(prefix, binding.info.key);
      if (value == nullptr && binding.info.is_required) refuse_absence(binding.info, mapping, full_key);
      if (value == nullptr) continue;
      binding.set(config, checked_value(binding.info, *value, full_key), full_key);
    }
    return config;
  }

  // All options as a mapping, in the order declared; or only those that differ from the defaults.
  [[nodiscard]] Node dump(const Config& config, bool only_changed = false) const {
    Node mapping((Node::Map()));
    for (const Binding& binding : bindings_) {
      Node value = binding.get(config);
      if (only_changed && value.same_value(binding.info.default_value)) continue;
      set_path(mapping, binding.info.key, std::move(value));
    }
    return mapping;
  }

  [[nodiscard]] std::vector<OptionInfo> options() const {
    std::vector<OptionInfo> infos;
    for (const Binding& binding : bindings_) infos.push_back(binding.info);
    return infos;
  }

  // Keys of all options, each behind the prefix.
  [[nodiscard]] std::vector<std::string> keys(const std::string& prefix = "") const {
    std::vector<std::string> result;
    for (const Binding& binding : bindings_) result.push_back(join_key(prefix, binding.info.key));
    return result;
  }

  [[nodiscard]] const std::string& owner() const { return owner_; }

 private:
  struct Binding {
    OptionInfo info;
    std::function<void(Config&, const Node&, const std::string& full_key)> set;
    std::function<Node(const Config&)> get;
  };

  Binding& add(const std::string& key, const std::string& help) {
    Binding& binding = bindings_.emplace_back();
    binding.info.key = key;
    binding.info.help = help;
    binding.info.section = section_;
    return binding;
  }

  std::string owner_;
  std::string section_;
  std::deque<Binding> bindings_;  // a deque, so that the references that option() returns stay valid
};

}  // namespace tern::config
