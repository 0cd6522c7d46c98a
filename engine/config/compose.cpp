#include "engine/config/compose.h"

#include <algorithm>

#include "base/error.h"
#include "engine/config/defaults_list.h"
#include "engine/config/nearest.h"
#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

void collect_keys(const Node& node, const std::string& prefix, std::vector<std::string>& keys) {
  if (!node.is_map()) return;
  for (const Entry& entry : node.map()) {
    const std::string key = join_key(prefix, entry.key);
    keys.push_back(key);
    collect_keys(entry.value, key, keys);
  }
}

bool is_container(const Node& node) {
  return node.is_map() || node.is_list();
}

// Wraps a file's content into the mappings of its package.
Node embed(const Node& content, const std::string& package) {
  if (package.empty()) return content;
  Node wrapped = content;
  const std::vector<std::string> parts = split_key(package);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    Node outer(Node::Map{}, content.origin);
    outer.set(*part, std::move(wrapped));
    wrapped = std::move(outer);
  }
  return wrapped;
}

class Editor {
 public:
  Editor(Node& config, const Override& override, const std::vector<std::string>& known_keys)
      : config_(config), override_(override), known_keys_(known_keys) {}

  void apply() {
    if (override_.package) {
      fail("'" + override_.key + "' is no group of the configuration", "@ belongs to groups");
    }
    switch (override_.type) {
      case Override::Type::remove: return remove();
      case Override::Type::add: return add();
      case Override::Type::force_add: return update(true);
      case Override::Type::change: return update(false);
    }
  }

 private:
  void remove() {
    const Node* old = select(config_, override_.key);
    if (old == nullptr || old->is_null()) unknown_key(override_.key, "nothing to remove");
    if (override_.value && !override_.value->is_null() && !override_.value->same_value(*old)) {
      fail("'" + override_.key + "' is " + python_str(*old) + ", not " + python_str(*override_.value),
           "to remove it whatever it is write ~" + override_.key);
    }
    const size_t dot = override_.key.rfind('.');
    Node& parent = dot == std::string::npos ? config_ : *select(config_, override_.key.substr(0, dot));
    if (!parent.is_map()) fail("'" + override_.key + "' is an item of a list", "give the whole list anew");
    parent.erase(override_.key.substr(dot == std::string::npos ? 0 : dot + 1));
  }

  void add() {
    const Node* old = select(config_, override_.key);
    const bool merges = override_.value->is_map() || override_.value->is_list();
    if (old != nullptr && !old->is_null() && !old->is_missing() && !merges) {
      fail("'" + override_.key + "' exists already", "write " + override_.text.substr(1) + " or +" + override_.text);
    }
    update(true);
  }

  // Walks down to the key's parent, making mappings on the way where that is allowed, and sets or merges the value.
  void update(bool may_add) {
    const std::vector<std::string> parts = split_key(override_.key);
    Node* node = &config_;
    std::string path;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      path = join_key(path, parts[i]);
      node = &child(*node, parts[i], path, may_add);
      if (!node->is_map() && !node->is_list()) *node = Node(Node::Map{}, override_.origin);
    }
    Node& target = child(*node, parts.back(), override_.key, may_add);
    if (target.is_map() && override_.value->is_map()) {
      merge_checked(target, *override_.value, override_.key, may_add);
    } else if (is_container(target) && is_container(*override_.value)) {
      merge(target, *override_.value);
    } else {
      target = *override_.value;
    }
  }

  Node& child(Node& parent, const std::string& part, const std::string& path, bool may_add) {
    if (Node* found = select(parent, part)) return *found;
    if (parent.is_list()) fail("the list has no item " + part, "it has " + std::to_string(parent.list().size()));
    if (!may_add && !is_known(path)) unknown_key(override_.key, "unknown key");
    parent.set(part, Node({}, override_.origin));
    return *parent.find(part);
  }

  void merge_checked(Node& into, const Node& from, const std::string& path, bool may_add) {
    for (const Entry& entry : from.map()) {
      const std::string key = join_key(path, entry.key);
      Node* old = into.find(entry.key);
      if (old == nullptr && !may_add && !is_known(key)) unknown_key(key, "unknown key");
      if (old != nullptr && old->is_map() && entry.value.is_map()) {
        merge_checked(*old, entry.value, key, may_add);
      } else {
        into.set(entry.key, entry.value);
      }
    }
  }

  // A known key, or a mapping that holds one.
  [[nodiscard]] bool is_known(const std::string& path) const {
    return std::ranges::any_of(known_keys_,
                               [&](const std::string& key) { return key == path || key.starts_with(path + "."); });
  }

  [[noreturn]] void unknown_key(const std::string& key, const std::string& what) const {
    std::vector<std::string> candidates = all_keys(config_);
    candidates.insert(candidates.end(), known_keys_.begin(), known_keys_.end());
    fail(what + " '" + key + "'", did_you_mean(key, candidates, "--help lists all keys"));
  }

  [[noreturn]] void fail(const std::string& what, const std::string& fix) const {
    throw Error(ErrorKind::usage, what, "in " + override_.origin.describe(), fix);
  }

  Node& config_;
  const Override& override_;
  const std::vector<std::string>& known_keys_;
};

// hydra.searchpath=[DIR] in an override or in the primary file adds folders to search.
void add_search_path(ConfigTree& tree, const ComposeRequest& request) {
  std::optional<Node> path;
  if (const ConfigFile* primary = tree.load(request.config_name)) {
    if (const Node* node = select(primary->content, "hydra.searchpath")) path = *node;
  }
  for (const Override& override : request.overrides) {
    if (override.key == "hydra.searchpath" && override.value) path = *override.value;
  }
  if (!path || path->is_null()) return;
  const auto fail = [&] {
    throw Error(ErrorKind::usage, "hydra.searchpath is no list of folders", "in " + path->origin.describe(),
                "write hydra.searchpath=[FOLDER]");
  };
  if (!path->is_list()) fail();
  for (const Node& folder : path->list()) {
    if (!folder.is_text() || folder.text().starts_with("pkg:")) fail();
    const std::string& text = folder.text();
    tree.add_folder(text.starts_with("file://") ? text.substr(7) : text);
  }
}

}  // namespace

std::vector<std::string> all_keys(const Node& config) {
  std::vector<std::string> keys;
  collect_keys(config, "", keys);
  return keys;
}

void apply_override(Node& config, const Override& override, const std::vector<std::string>& known_keys) {
  Editor(config, override, known_keys).apply();
}

Composed compose(ConfigTree& tree, const ComposeRequest& request) {
  std::vector<Override> group_overrides;
  std::vector<const Override*> value_overrides;
  add_search_path(tree, request);
  for (const Override& override : request.overrides) {
    if (override.concerns_hydra()) continue;
    if (is_group_override(tree, override)) {
      group_overrides.push_back(override);
    } else {
      value_overrides.push_back(&override);
    }
  }
  Composed result;
  const DefaultsResult defaults = expand_defaults(tree, request.config_name, group_overrides);
  result.choices = defaults.choices;
  result.config = Node(Node::Map{});
  for (const ComposedFile& part : defaults.files) {
    const ConfigFile& file = *tree.load(part.path);
    if (!file.content.is_map()) {
      throw Error(ErrorKind::usage, "the configuration is no mapping", "in " + file.source, "write 'key: value' lines");
    }
    merge(result.config, embed(file.content, part.package));
  }
  result.config.erase("hydra");
  for (const Override* override : value_overrides) apply_override(result.config, *override, request.known_keys);
  return result;
}

}  // namespace tern::config
