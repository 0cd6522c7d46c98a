#include "engine/config/yaml_read.h"

#include <yaml-cpp/yaml.h>

#include "base/error.h"
#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

// Anchors let a small file describe a huge or endless tree.
constexpr int kMaxDepth = 64;
constexpr int kMaxNodes = 100000;

class Converter {
 public:
  explicit Converter(const std::string& source) : source_(source) {}

  Node convert(const YAML::Node& yaml, int depth) {
    const Origin origin = origin_of(yaml.Mark());
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) fail("the document is nested too deeply or endlessly", origin);
    switch (yaml.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null: return {{}, origin};
      case YAML::NodeType::Scalar: return scalar(yaml, origin);
      case YAML::NodeType::Sequence: return sequence(yaml, origin, depth);
      case YAML::NodeType::Map: return mapping(yaml, origin, depth);
    }
    return {};
  }

  [[nodiscard]] Origin origin_of(const YAML::Mark& mark) const {
    if (mark.is_null()) return {source_};
    return {source_, mark.line + 1, mark.column + 1};
  }

  [[noreturn]] static void fail(const std::string& what, const Origin& origin, const std::string& fix = "") {
    throw Error(ErrorKind::usage, what, "in " + origin.describe(), fix);
  }

 private:
  static Node scalar(const YAML::Node& yaml, const Origin& origin) {
    const bool quoted = yaml.Tag() == "!" || yaml.Tag() == "tag:yaml.org,2002:str";
    return quoted ? Node(yaml.Scalar(), origin) : yaml_scalar(yaml.Scalar(), origin);
  }

  Node sequence(const YAML::Node& yaml, const Origin& origin, int depth) {
    Node::List items;
    for (const YAML::Node& item : yaml) items.push_back(convert(item, depth + 1));
    return {std::move(items), origin};
  }

  Node mapping(const YAML::Node& yaml, const Origin& origin, int depth) {
    Node merged(Node::Map{}, origin);  // what << brings in; the mapping's own keys win
    Node own(Node::Map{}, origin);
    for (const auto& pair : yaml) {
      const Origin key_origin = origin_of(pair.first.Mark());
      if (!pair.first.IsScalar()) fail("a key has to be a word", key_origin);
      const std::string& key = pair.first.Scalar();
      if (key == "<<" && pair.first.Tag() == "?") {
        take_over(merged, convert(pair.second, depth + 1));
        continue;
      }
      if (own.find(key) != nullptr) fail("duplicate key '" + key + "'", key_origin, "remove one of the two");
      own.map().push_back({key, convert(pair.second, depth + 1), key_origin});
    }
    for (Entry& entry : own.map()) merged.set(entry.key, entry.value);
    return merged.map().size() == own.map().size() ? own : merged;
  }

  static void take_over(Node& into, const Node& value) {
    if (value.is_list()) {
      for (const Node& item : value.list()) take_over(into, item);
    } else if (value.is_map()) {
      for (const Entry& entry : value.map()) {
        if (into.find(entry.key) == nullptr) into.map().push_back(entry);
      }
    } else {
      fail("<< needs a mapping", value.origin);
    }
  }

  const std::string& source_;
  int nodes_ = 0;
};

// yaml-cpp takes the end of the text for a missing closing quote, which would swallow every key after the opening one.
// A further document behind the text shows it: it is an error or gone.
void refuse_open_quote(const std::string& text, size_t documents, const Origin& origin) {
  size_t with_one_more = 0;
  try {
    with_one_more = YAML::LoadAll(text + "\n---\n1\n").size();
  } catch (const YAML::Exception&) {
    // Reported below.
  }
  if (with_one_more != documents + 1) Converter::fail("a quote is not closed", origin, "add the closing quote");
}

}  // namespace

Node read_yaml(const std::string& text, const std::string& source) {
  Converter converter(source);
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    refuse_open_quote(text, documents.size(), {source});
    if (documents.empty()) return {Node::Map{}, {source}};
    if (documents.size() > 1) {
      Converter::fail("a second document begins", converter.origin_of(documents[1].Mark()), "keep one per file");
    }
    Node root = converter.convert(documents[0], 0);
    if (root.is_null()) return {Node::Map{}, {source}};
    return root;
  } catch (const YAML::Exception& e) {
    Converter::fail("malformed YAML: " + e.msg, converter.origin_of(e.mark));
  }
}

}  // namespace tern::config
