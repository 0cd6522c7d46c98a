#include "engine/config/defaults_item.h"

#include "base/error.h"

namespace tern::config {

namespace {

[[noreturn]] void fail(const std::string& what, const Origin& origin) {
  throw Error(ErrorKind::usage, what, "in the defaults list in " + origin.describe(),
              "write '- group: option', '- file' or '- _self_'");
}

// "optional override group@package"
void parse_group(const std::string& text, DefaultsItem& item) {
  std::string group = text;
  for (size_t space = group.find(' '); space != std::string::npos; space = group.find(' ')) {
    const std::string keyword = group.substr(0, space);
    if (keyword == "optional") {
      item.optional = true;
    } else if (keyword == "override") {
      item.is_override = true;
    } else {
      fail("unknown keyword '" + keyword + "'", item.origin);
    }
    group.erase(0, space + 1);
  }
  const size_t at = group.find('@');
  item.group = group.substr(0, at);
  if (at != std::string::npos) item.package = group.substr(at + 1);
  if (item.package == "_here_") item.package = "";
  if (item.group.empty()) fail("a group name is missing", item.origin);
}

DefaultsItem parse_file(const Node& node) {
  DefaultsItem item;
  item.origin = node.origin;
  item.is_plain_file = true;
  parse_group(node.text(), item);
  item.is_self = item.group == "_self_";
  if (item.is_self && item.package) fail("_self_ takes no package", node.origin);
  const size_t slash = item.group.rfind('/');
  item.names = {slash == std::string::npos ? item.group : item.group.substr(slash + 1)};
  // "/base" has the absolute group "/", the top.
  item.group = slash == std::string::npos ? "" : item.group.substr(0, slash == 0 ? 1 : slash);
  return item;
}

DefaultsItem parse_choice(const Entry& entry) {
  DefaultsItem item;
  item.origin = entry.origin;
  parse_group(entry.key, item);
  const Node& value = entry.value;
  item.is_list = value.is_list();
  if (value.is_text()) {
    item.names = {value.text()};
  } else if (value.is_list()) {
    for (const Node& name : value.list()) {
      if (!name.is_text()) fail("option names have to be text", name.origin);
      item.names.push_back(name.text());
    }
  } else if (!value.is_null()) {
    fail("the option of '" + item.group + "' has to be text, not " + value.kind(), value.origin);
  }
  return item;
}

}  // namespace

std::vector<DefaultsItem> parse_defaults(const Node& defaults) {
  if (!defaults.is_list()) fail(std::string("a list is needed, not ") + defaults.kind(), defaults.origin);
  std::vector<DefaultsItem> items;
  for (const Node& node : defaults.list()) {
    if (node.is_text()) {
      items.push_back(parse_file(node));
    } else if (node.is_map() && node.map().size() == 1) {
      items.push_back(parse_choice(node.map().front()));
    } else {
      fail("an entry is neither a file nor one 'group: option'", node.origin);
    }
  }
  return items;
}

}  // namespace tern::config
