#include "engine/config/defaults_list.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "engine/config/nearest.h"

namespace tern::config {

namespace {

constexpr int kMaxDepth = 32;

std::string dotted(std::string path) {
  std::ranges::replace(path, '/', '.');
  return path;
}

// An entry together with where it stands.
struct Placed {
  DefaultsItem item;
  std::string base_group;      // group path of the file whose list names it
  std::string parent_package;  // where that file's content goes
  std::optional<std::string> header_package;
  bool is_primary = false;
  bool is_appended = false;  // by +group=option

  [[nodiscard]] std::string relative_group() const {
    return item.group.starts_with('/') ? item.group.substr(1) : item.group;
  }

  [[nodiscard]] std::string group_path() const {
    if (item.group.starts_with('/') || base_group.empty()) return relative_group();
    return item.group.empty() ? base_group : base_group + "/" + item.group;
  }

  [[nodiscard]] std::string name() const { return item.names.empty() ? "" : item.names.front(); }

  [[nodiscard]] std::string config_path() const {
    const std::string group = group_path();
    return group.empty() ? name() : group + "/" + name();
  }

  // Parent's package joined with this one's; _global_ starts again from the top.
  [[nodiscard]] std::string package(bool with_header = true) const {
    std::string own = dotted(relative_group());
    if (item.package) {
      own = *item.package;
      const std::string keyword = "_group_";
      if (const size_t at = own.find(keyword); at != std::string::npos) {
        own = "_global_." + own.replace(at, keyword.size(), dotted(group_path()));
      }
    } else if (with_header && header_package) {
      own = *header_package;
    }
    std::string joined = own.empty() ? parent_package : join_key(parent_package, own);
    const std::string global = "_global_";
    const size_t last = joined.rfind(global);
    if (last == std::string::npos) return joined;
    return joined.substr(std::min(joined.size(), last + global.size() + 1));
  }

  // What an override has to say to hit this entry: "group" or, where it goes elsewhere, "group@package".
  [[nodiscard]] std::string override_key() const {
    const std::string place = package(false);
    if (place == dotted(group_path())) return group_path();
    return group_path() + "@" + (place.empty() ? "_global_" : place);
  }

  [[nodiscard]] bool concerns_hydra() const {
    const std::string group = group_path();
    return group == "hydra" || group.starts_with("hydra/");
  }

  [[nodiscard]] bool is_interpolated() const {
    return !item.is_list && !item.names.empty() &&
           (name().find("${") != std::string::npos || item.group.find("${") != std::string::npos);
  }
};

struct Choice {
  std::vector<std::string> names;
  bool is_list = false;
  bool used = false;
  std::string where;         // for messages
  bool is_external = false;  // from the command line
};

struct Deletion {
  std::optional<std::string> name;
  bool used = false;
  std::string where;
};

[[noreturn]] void not_a_name(const Override& override) {
  throw Error(ErrorKind::usage,
              "the option of group '" + override.key + "' has to be a name, not " + override.value->kind(),
              "in " + override.origin.describe(), "write " + override.key + "=OPTION");
}

std::vector<std::string> chosen_names(const Override& override) {
  const Node& value = *override.value;
  if (value.is_text()) return {value.text()};
  if (!value.is_list()) not_a_name(override);
  std::vector<std::string> names;
  for (const Node& item : value.list()) {
    if (!item.is_text()) not_a_name(override);
    names.push_back(item.text());
  }
  return names;
}

class Expander {
 public:
  Expander(ConfigTree& tree, const std::vector<Override>& overrides) : tree_(tree) {
    for (const Override& override : overrides) take(override);
  }

  DefaultsResult run(const std::string& config_name) {
    Placed primary;
    primary.is_primary = true;
    primary.item.is_plain_file = true;
    const size_t slash = config_name.rfind('/');
    if (slash != std::string::npos) primary.item.group = config_name.substr(0, slash);
    primary.item.names = {config_name.substr(slash == std::string::npos ? 0 : slash + 1)};
    DefaultsResult result;
    result.files = expand(primary, nullptr, false, 0);
    check_all_used();
    for (auto& [key, name] : known_choices_) result.choices[key] = name.value_or("null");
    return result;
  }

 private:
  void take(const Override& override) {
    const std::string where = override.origin.describe();
    if (override.type == Override::Type::force_add) {
      throw Error(ErrorKind::usage, "++ cannot choose an option of a group", "in " + where,
                  "write " + override.full_key() + "=OPTION or +" + override.full_key() + "=OPTION");
    }
    if (override.type == Override::Type::remove) {
      Deletion deletion{std::nullopt, false, where};
      if (override.value && !override.value->is_null()) {
        if (!override.value->is_text()) not_a_name(override);
        deletion.name = override.value->text();
      }
      deletions_[override.full_key()] = deletion;
      return;
    }
    const std::vector<std::string> names = chosen_names(override);
    if (override.type == Override::Type::change) {
      choices_[override.full_key()] = {names, override.value->is_list(), false, where, true};
      return;
    }
    Placed added;
    added.is_appended = true;
    added.item.group = override.key;
    added.item.package = override.package;
    added.item.names = names;
    added.item.is_list = override.value->is_list();
    added.item.origin = override.origin;
    appended_.push_back(added);
  }

  // The files that an entry stands for, in order of composition.
  std::vector<ComposedFile> expand(Placed& placed, const Placed* parent, bool in_interpolated, int depth) {
    if (placed.concerns_hydra()) return {};
    if (depth > kMaxDepth) fail(placed, "configuration '" + placed.config_path() + "' includes itself");
    const bool is_group = !placed.item.is_plain_file;
    const std::string path = placed.config_path();
    const ConfigFile* file = placed.item.names.empty() || placed.name() == "???" ? nullptr : tree_.load(path);
    if (file != nullptr) placed.header_package = file->package;
    if (is_group && is_deleted(placed)) return {};
    if (is_group) remember_choice(placed);
    if (placed.item.names.empty()) return {};
    if (placed.name() == "???") {
      const std::string key = placed.override_key();
      throw Error(ErrorKind::usage, "nothing is chosen for '" + key + "'", "in " + placed.item.origin.describe(),
                  "add " + key + "=OPTION, one of: " + join_words(tree_.options(placed.group_path())));
    }
    if (file == nullptr) {
      if (placed.item.optional) return {};
      not_found(placed, parent);
    }
    return expand_list(placed, *file, in_interpolated, depth);
  }

  std::vector<ComposedFile> expand_list(const Placed& placed, const ConfigFile& file, bool in_interpolated, int depth) {
    const ComposedFile own{placed.config_path(), placed.package()};
    std::vector<Placed> list = children(placed, file);
    if (list.empty()) {
      if (!placed.item.is_plain_file && !leaf_keys_.insert(placed.override_key()).second) {
        fail(placed, "'" + placed.override_key() + "' is chosen twice");
      }
      return {own};
    }
    collect_overrides(placed, list, in_interpolated);
    // From the last entry to the first, so that overrides in later entries reach earlier ones; interpolated names
    // wait until all other choices are known.
    std::vector<std::vector<ComposedFile>> parts(list.size());
    std::vector<size_t> interpolated;
    for (size_t i = list.size(); i-- > 0;) {
      Placed& child = list[i];
      if (child.item.is_self) {
        parts[i] = {own};
      } else if (!child.item.is_override) {
        apply_choice(child);
        if (child.is_interpolated()) {
          interpolated.push_back(i);
        } else {
          parts[i] = expand_options(child, placed, in_interpolated, depth);
        }
      }
    }
    for (auto i = interpolated.rbegin(); i != interpolated.rend(); ++i) {
      resolve_name(list[*i]);
      parts[*i] = expand(list[*i], &placed, true, depth + 1);
    }
    std::vector<ComposedFile> files;
    for (auto& part : parts) std::ranges::move(part, std::back_inserter(files));
    return files;
  }

  // The entries of a file's list, placed, with _self_ (at the end where it isn't written) and what the command line
  // appends.
  std::vector<Placed> children(const Placed& placed, const ConfigFile& file) {
    std::vector<DefaultsItem> items = file.defaults;
    const bool appends = placed.is_primary && !appended_.empty();
    if (items.empty() && !appends) return {};
    const auto selves = std::ranges::count_if(items, &DefaultsItem::is_self);
    if (selves > 1) fail(placed, "_self_ stands twice in the defaults list of " + file.source);
    if (selves == 0) items.emplace_back().is_self = true;
    std::vector<Placed> list;
    for (DefaultsItem& item : items) list.push_back({std::move(item), placed.group_path(), placed.package(), {}});
    if (appends) {
      for (Placed& added : appended_) {
        added.base_group = placed.group_path();
        added.parent_package = placed.package();
        list.push_back(added);
      }
    }
    return list;
  }

  void collect_overrides(const Placed& parent, const std::vector<Placed>& list, bool in_interpolated) {
    bool seen = false;
    for (const Placed& child : list) {
      if (child.item.is_self) continue;
      if (seen && !child.item.is_override && !child.is_appended) {
        throw Error(ErrorKind::usage, "an override stands before '" + child.override_key() + "'",
                    "in " + child.item.origin.describe(), "move overrides to the end of the defaults list");
      }
      if (!child.item.is_override) continue;
      seen = true;
      if (child.concerns_hydra()) continue;
      if (in_interpolated) fail(parent, "a file chosen by interpolation cannot override choices");
      choices_.try_emplace(child.override_key(),
                           Choice{child.item.names, child.item.is_list, false, child.item.origin.describe(), false});
    }
  }

  void apply_choice(Placed& child) {
    if (child.item.is_plain_file) return;
    const auto choice = choices_.find(child.override_key());
    if (choice == choices_.end()) return;
    choice->second.used = true;
    child.item.names = choice->second.names;
    child.item.is_list = choice->second.is_list;
  }

  std::vector<ComposedFile> expand_options(Placed& child, const Placed& parent, bool in_interpolated, int depth) {
    if (!child.item.is_list) return expand(child, &parent, in_interpolated, depth + 1);
    std::vector<std::vector<ComposedFile>> parts(child.item.names.size());
    for (size_t i = parts.size(); i-- > 0;) {
      Placed option = child;
      option.item.is_list = false;
      option.item.is_plain_file = true;
      option.item.names = {child.item.names[i]};
      parts[i] = expand(option, &parent, in_interpolated, depth + 1);
    }
    std::vector<ComposedFile> files;
    for (auto& part : parts) std::ranges::move(part, std::back_inserter(files));
    return files;
  }

  // Replaces ${group} by the option chosen for that group.
  void resolve_name(Placed& placed) {
    for (std::string* text : {&placed.item.names.front(), &placed.item.group}) {
      for (size_t open = text->find("${"); open != std::string::npos; open = text->find("${", open)) {
        const size_t close = std::min(text->find('}', open), text->size());
        const std::string key = text->substr(open + 2, close - open - 2);
        const auto known = known_choices_.find(key);
        if (known == known_choices_.end() || !known->second) {
          std::vector<std::string> keys;
          for (const auto& [group, name] : known_choices_) keys.push_back(group);
          fail(placed, "'" + *text + "' names no known choice, only: " + join_words(keys));
        }
        text->replace(open, close + 1 - open, *known->second);
      }
    }
  }

  bool is_deleted(const Placed& placed) {
    const auto deletion = deletions_.find(placed.override_key());
    if (deletion == deletions_.end()) return false;
    if (deletion->second.name && *deletion->second.name != placed.name()) return false;
    deletion->second.used = true;
    return true;
  }

  void remember_choice(const Placed& placed) {
    const std::string key = placed.override_key();
    const std::optional<std::string> name = placed.item.names.empty() ? std::nullopt : std::optional(placed.name());
    const auto [known, is_new] = known_choices_.try_emplace(key, name);
    if (!is_new && known->second != name) {
      throw Error(ErrorKind::usage, "two options are chosen for '" + key + "'", "in " + placed.item.origin.describe(),
                  "to replace the first write 'override " + key + ": " + name.value_or("null") + "'");
    }
    keys_of_group_[placed.group_path()].insert(key);
  }

  void check_all_used() const {
    for (const auto& [key, choice] : choices_) {
      if (choice.used) continue;
      const auto known = keys_of_group_.find(key.substr(0, key.find('@')));
      std::string fix = choice.is_external ? "to add it write +" + key + "=" + join_words(choice.names) : "";
      if (known != keys_of_group_.end()) {
        fix = "did you mean " + join_words(std::vector(known->second.begin(), known->second.end())) + "?";
      }
      throw Error(ErrorKind::usage, "no defaults list mentions '" + key + "'", "in " + choice.where, fix);
    }
    for (const auto& [key, deletion] : deletions_) {
      if (deletion.used) continue;
      throw Error(ErrorKind::usage, "no defaults list has '" + key + (deletion.name ? "=" + *deletion.name : "") + "'",
                  "in " + deletion.where, "--cfg job shows the configuration");
    }
  }

  [[noreturn]] static void fail(const Placed& placed, const std::string& what) {
    const std::string where = placed.item.origin.describe();
    throw Error(ErrorKind::usage, what, where.empty() ? "" : "in " + where);
  }

  [[noreturn]] void not_found(const Placed& placed, const Placed* parent) const {
    const std::vector<std::string> options = tree_.options(placed.group_path());
    const std::string list = options.empty() ? "there are none" : "available: " + join_words(options);
    if (placed.is_primary) {
      throw Error(ErrorKind::usage, "configuration '" + placed.config_path() + "' not found", "in " + tree_.describe(),
                  list);
    }
    const auto choice = choices_.find(placed.override_key());
    std::string where = placed.item.origin.describe();
    if (choice != choices_.end()) where = choice->second.where;
    if (where.empty()) where = parent->config_path();
    const std::string what = placed.item.is_plain_file
                                 ? "configuration file '" + placed.config_path() + "' not found"
                                 : "group '" + placed.group_path() + "' has no option '" + placed.name() + "'";
    throw Error(ErrorKind::usage, what, "in " + where, list);
  }

  ConfigTree& tree_;
  std::map<std::string, Choice> choices_;  // by override key
  std::map<std::string, Deletion> deletions_;
  std::vector<Placed> appended_;
  std::map<std::string, std::optional<std::string>> known_choices_;
  std::map<std::string, std::set<std::string>> keys_of_group_;
  std::set<std::string> leaf_keys_;
};

}  // namespace

DefaultsResult expand_defaults(ConfigTree& tree, const std::string& config_name,
                               const std::vector<Override>& group_overrides) {
  return Expander(tree, group_overrides).run(config_name);
}

bool is_group_override(const ConfigTree& tree, const Override& override) {
  return tree.has_group(override.key) && !(override.value && override.value->is_map());
}

}  // namespace tern::config
