#include "engine/config/interpolate.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/error.h"
#include "engine/config/compose.h"
#include "engine/config/interpolation_parser.h"
#include "engine/config/nearest.h"
#include "engine/config/override.h"
#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

// References can multiply a value; this bounds what a few lines of ${a}${a} can grow to.
constexpr int kMostEvaluations = 100000;
constexpr size_t kLongestText = 1 << 20;

class Resolver {
 public:
  Resolver(const Node& root, const ResolveContext& context) : root_(root), context_(context) {}

  // The node at a path, resolved, with everything below it.
  Node resolved(const Node& node, const std::string& path) {
    if (++evaluations_ > kMostEvaluations) fail(node, path, "interpolations multiply without end");
    Node result = node;
    if (node.is_map()) {
      for (Entry& entry : result.map()) entry.value = resolved(entry.value, join_key(path, entry.key));
    } else if (node.is_list()) {
      for (size_t i = 0; i < node.list().size(); ++i) {
        result.list()[i] = resolved(node.list()[i], join_key(path, std::to_string(i)));
      }
    } else if (node.is_text() && node.text().find("${") != std::string::npos) {
      return interpolated(node, path);
    }
    return result;
  }

 private:
  Node interpolated(const Node& node, const std::string& path) {
    if (std::ranges::find(in_progress_, path) != in_progress_.end()) {
      in_progress_.push_back(path);
      std::string cycle;
      for (const std::string& step : in_progress_) cycle += (cycle.empty() ? "" : " -> ") + step;
      fail(node, path, "the interpolation refers to itself: " + cycle);
    }
    in_progress_.push_back(path);
    Pieces pieces;
    try {
      pieces = parse_interpolations(node.text());
    } catch (const MalformedInterpolation& e) {
      fail(node, path, "malformed interpolation: " + e.why);
    }
    Node result = evaluate(pieces, node, path);
    result.origin = node.origin;
    in_progress_.pop_back();
    return result;
  }

  // One reference or call alone keeps its type; everything else is joined to text.
  Node evaluate(const Pieces& pieces, const Node& node, const std::string& path) {
    if (pieces.size() == 1 && pieces[0].kind != Piece::Kind::literal) return evaluate(pieces[0], node, path);
    std::string text;
    for (const Piece& piece : pieces) {
      text += piece.kind == Piece::Kind::literal ? piece.text : python_str(evaluate(piece, node, path));
      if (text.size() > kLongestText) fail(node, path, "the interpolated text grows without end");
    }
    return {std::move(text), node.origin};
  }

  Node evaluate(const Piece& piece, const Node& node, const std::string& path) {
    if (piece.kind == Piece::Kind::call) return call(piece, node, path);
    std::string target = relative_base(piece.dots, node, path);
    for (const Pieces& key : piece.path) target = join_key(target, python_str(evaluate(key, node, path)));
    const auto value = lookup(target);
    if (!value) {
      const std::vector<std::string> keys = all_keys(root_);
      fail(node, path, "no key '" + target + "' for the interpolation",
           did_you_mean(target, keys, "--cfg job shows all keys"));
    }
    if (value->is_missing()) fail(node, path, "'" + target + "' is not set yet", "set " + target + "=VALUE");
    return *value;
  }

  // ${.a} is beside the value, ${..a} one level up.
  static std::string relative_base(int dots, const Node& node, const std::string& path) {
    if (dots == 0) return "";
    std::string base = path;
    for (int i = 0; i < dots; ++i) {
      if (base.empty()) fail(node, path, "the interpolation leads above the top");
      const size_t dot = base.rfind('.');
      base = dot == std::string::npos ? "" : base.substr(0, dot);
    }
    return base;
  }

  // The resolved value at a path, which may lead through interpolations.
  std::optional<Node> lookup(const std::string& target) {
    std::string path;
    const Node* node = &root_;
    for (const std::string& part : split_key(target)) {
      if (node->is_text() && node->text().find("${") != std::string::npos) {
        const Node through = resolved(*node, path);
        const Node* found = select(through, target.substr(path.size() + 1));
        return found == nullptr ? std::nullopt : std::optional(*found);
      }
      node = select(*node, part);
      if (node == nullptr) return std::nullopt;
      path = join_key(path, part);
    }
    return resolved(*node, path);
  }

  Node call(const Piece& piece, const Node& node, const std::string& path) {
    std::vector<Node> arguments;
    for (const Argument& argument : piece.arguments) arguments.push_back(evaluate(argument, node, path));
    const size_t count = arguments.size();
    if (piece.text == "oc.env" && (count == 1 || count == 2)) return environment(arguments, node, path);
    if (piece.text == "oc.select" && (count == 1 || count == 2)) {
      if (const auto value = lookup(python_str(arguments[0])); value && !value->is_missing()) return *value;
      return count == 2 ? arguments[1] : Node({}, node.origin);
    }
    if (piece.text == "oc.decode" && count == 1) {
      if (arguments[0].is_null()) return arguments[0];
      return parse_override_value(python_str(arguments[0]), {path + " (" + node.text() + ")"});
    }
    if (piece.text == "now" && count == 1) return time_text(arguments[0], node);
    if (piece.text == "hydra" && count == 1) return hydra_value(python_str(arguments[0]), node, path);
    fail(node, path, "no resolver '" + piece.text + "' with " + std::to_string(count) + " arguments",
         "available: oc.env:NAME,DEFAULT oc.select:KEY,DEFAULT oc.decode:TEXT now:FORMAT hydra:job.num");
  }

  Node evaluate(const Argument& argument, const Node& node, const std::string& path) {
    if (argument.quoted) return {python_str(evaluate(argument.pieces, node, path)), node.origin};
    const bool literal = argument.pieces.size() == 1 && argument.pieces[0].kind == Piece::Kind::literal;
    if (!literal) return evaluate(argument.pieces, node, path);
    const std::string& text = argument.pieces[0].text;
    const bool container = text.starts_with('[') || text.starts_with('{');
    return container ? parse_override_value(text, {path + " (" + node.text() + ")"}) : hydra_scalar(text, node.origin);
  }

  static Node environment(const std::vector<Node>& arguments, const Node& node, const std::string& path) {
    const std::string name = python_str(arguments[0]);
    if (const char* value = std::getenv(name.c_str())) return {std::string(value), node.origin};
    if (arguments.size() == 2) {
      return arguments[1].is_null() ? Node({}, node.origin) : Node(python_str(arguments[1]), node.origin);
    }
    fail(node, path, "environment variable '" + name + "' is not set",
         "set it, or give a default: ${oc.env:" + name + ",DEFAULT}");
  }

  Node time_text(const Node& format, const Node& node) const {
    std::tm local{};
    ::localtime_r(&context_.now, &local);
    std::array<char, 256> buffer{};
    const size_t size = std::strftime(buffer.data(), buffer.size(), python_str(format).c_str(), &local);
    return {std::string(buffer.data(), size), node.origin};
  }

  Node hydra_value(const std::string& key, const Node& node, const std::string& path) const {
    const auto value = context_.hydra.find(key);
    if (value == context_.hydra.end()) {
      std::vector<std::string> keys;
      for (const auto& [known, text] : context_.hydra) keys.push_back(known);
      fail(node, path, "no value for ${hydra:" + key + "}", "available: " + join_words(keys));
    }
    return hydra_scalar(value->second, node.origin);
  }

  [[noreturn]] static void fail(const Node& node, const std::string& path, const std::string& what,
                                const std::string& fix = "") {
    throw Error(ErrorKind::usage, path + ": " + what, "in " + node.origin.describe(), fix);
  }

  const Node& root_;
  const ResolveContext& context_;
  std::vector<std::string> in_progress_;
  int evaluations_ = 0;
};

}  // namespace

Node resolve(const Node& root, const ResolveContext& context) {
  return Resolver(root, context).resolved(root, "");
}

}  // namespace tern::config
