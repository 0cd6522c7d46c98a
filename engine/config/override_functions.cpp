#include "engine/config/override_functions.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

constexpr size_t kLongestRange = 10000;

[[noreturn]] void fail(const FunctionCall& call, const std::string& why, const std::string& fix = "") {
  throw Error(ErrorKind::usage, call.name + "(): " + why, "in " + call.origin.describe(), fix);
}

Node::Value to_int(const FunctionCall& call, const Node& node) {
  if (const auto* b = std::get_if<bool>(&node.value)) return int64_t{*b};
  if (const auto* d = std::get_if<double>(&node.value)) {
    if (std::fabs(*d) < 9.2e18) return static_cast<int64_t>(*d);
  } else if (node.is_integer()) {
    return node.value;
  } else if (node.is_text()) {
    if (const auto value = python_int(node.text())) return *value;
  }
  fail(call, "'" + python_str(node) + "' is no integer");
}

Node::Value to_float(const FunctionCall& call, const Node& node) {
  if (const auto* b = std::get_if<bool>(&node.value)) return *b ? 1.0 : 0.0;
  if (const auto* i = std::get_if<int64_t>(&node.value)) return static_cast<double>(*i);
  if (node.is_number()) return node.value;
  if (node.is_text()) {
    if (const auto value = python_float(node.text())) return *value;
  }
  fail(call, "'" + python_str(node) + "' is no number");
}

Node::Value to_text(const FunctionCall& call, const Node& node) {
  if (node.is_null()) fail(call, "null has no text");
  return node.is_boolean() ? lower_case(python_str(node)) : python_str(node);
}

Node::Value to_bool(const FunctionCall& call, const Node& node) {
  if (node.is_boolean()) return node.value;
  if (const auto* i = std::get_if<int64_t>(&node.value)) return *i != 0;
  if (const auto* d = std::get_if<double>(&node.value)) return *d != 0;
  if (node.is_text()) {
    const std::string lower = lower_case(node.text());
    if (lower == "true" || lower == "false") return lower == "true";
  }
  fail(call, "'" + python_str(node) + "' is neither true nor false");
}

using ToScalar = Node::Value (*)(const FunctionCall&, const Node&);

// Casts reach into lists and into the values of mappings.
Node cast(const FunctionCall& call, const Node& node, ToScalar to_scalar) {
  Node result = node;
  if (node.is_list()) {
    for (Node& item : result.list()) item = cast(call, item, to_scalar);
  } else if (node.is_map()) {
    for (Entry& entry : result.map()) entry.value = cast(call, entry.value, to_scalar);
  } else {
    result.value = to_scalar(call, node);
    result.spelling.clear();
  }
  return result;
}

// The argument at a position or under a name.
const Element* argument(const FunctionCall& call, size_t position, const std::string& name) {
  if (position < call.arguments.size()) return &call.arguments[position];
  for (const auto& [given, element] : call.named) {
    if (given == name) return &element;
  }
  return nullptr;
}

// Several arguments are a sweep over them.
Element as_one(const FunctionCall& call) {
  if (const Element* value = argument(call, call.arguments.size(), "value")) {
    if (!call.arguments.empty()) fail(call, "takes its value with or without a name, not both");
    return *value;
  }
  if (call.arguments.empty()) fail(call, "needs a value");
  if (call.arguments.size() == 1) return call.arguments[0];
  Element element;
  element.sweep.emplace().simple = true;
  for (const Element& argument : call.arguments) {
    if (argument.sweep) fail(call, "sweeps don't nest");
    element.sweep->values.push_back(argument.node);
  }
  return element;
}

Element call_cast(const FunctionCall& call, ToScalar to_scalar) {
  Element element = as_one(call);
  if (!element.sweep) return {cast(call, element.node, to_scalar), std::nullopt};
  for (Node& value : element.sweep->values) value = cast(call, value, to_scalar);
  return element;
}

Element call_choice(const FunctionCall& call) {
  Element element = as_one(call);
  if (!element.sweep) element.sweep.emplace().values.push_back(element.node);
  if (call.arguments.size() == 1 && call.arguments[0].sweep && !element.sweep->simple) fail(call, "choices don't nest");
  element.sweep->simple = false;
  return element;
}

bool is_numeric(const Node& node) {
  return node.is_integer() || node.is_number();
}

template <class Accumulator, class T>
std::vector<Node> steps(const FunctionCall& call, Accumulator start, Accumulator stop, Accumulator step) {
  if (step == 0) fail(call, "the step is 0");
  std::vector<Node> values;
  for (Accumulator value = start; step > 0 ? value < stop : value > stop; value += step) {
    if (values.size() == kLongestRange) fail(call, "more than " + std::to_string(kLongestRange) + " values");
    values.emplace_back(static_cast<T>(value), call.origin);
  }
  return values;
}

Element call_range(const FunctionCall& call) {
  std::vector<Node> bounds = {{int64_t{0}}, {}, {int64_t{1}}};
  const char* names[] = {"start", "stop", "step"};
  for (size_t i = 0; i < 3; ++i) {
    const Element* given = argument(call, i, names[i]);
    if (given == nullptr) continue;
    if (given->sweep || !is_numeric(given->node)) fail(call, "needs numbers: range(stop) or range(start,stop,step)");
    bounds[i] = given->node;
  }
  if (call.arguments.size() > 3 || argument(call, 0, "start") == nullptr) fail(call, "needs one to three numbers");
  if (bounds[1].is_null()) {
    bounds[1] = bounds[0];
    bounds[0] = Node(int64_t{0});
  }
  Element element;
  Sweep& sweep = element.sweep.emplace();
  if (std::ranges::all_of(bounds, &Node::is_integer)) {
    const auto at = [&](size_t i) { return static_cast<__int128>(std::get<int64_t>(bounds[i].value)); };
    sweep.values = steps<__int128, int64_t>(call, at(0), at(1), at(2));
  } else {
    // Extended precision, so that range(0,1,0.1) has ten values. Hydra counts in decimals of 28 digits; the values may
    // differ in their last bit.
    const auto at = [&](size_t i) { return static_cast<long double>(std::get<double>(to_float(call, bounds[i]))); };
    if (!std::isfinite(at(0)) || !std::isfinite(at(1)) || !std::isfinite(at(2))) fail(call, "needs finite numbers");
    sweep.values = steps<long double, double>(call, at(0), at(1), at(2));
  }
  return element;
}

bool less(const FunctionCall& call, const Node& a, const Node& b) {
  if (a.is_text() && b.is_text()) return a.text() < b.text();
  const auto comparable = [](const Node& node) { return is_numeric(node) || node.is_boolean(); };
  if (!comparable(a) || !comparable(b)) fail(call, "values of different types have no order");
  return std::get<double>(to_float(call, a)) < std::get<double>(to_float(call, b));
}

Element call_sort(const FunctionCall& call) {
  Element element = as_one(call);
  bool reverse = false;
  for (const auto& [name, value] : call.named) {
    if (name != "reverse" || !value.node.is_boolean()) fail(call, "takes reverse=true or reverse=false");
    reverse = std::get<bool>(value.node.value);
  }
  if (!element.sweep && element.node.is_null()) fail(call, "null has no order");
  if (!element.sweep && !element.node.is_list()) return element;
  std::vector<Node>& values = element.sweep ? element.sweep->values : element.node.list();
  std::ranges::stable_sort(values,
                           [&](const Node& a, const Node& b) { return less(call, reverse ? b : a, reverse ? a : b); });
  return element;
}

std::vector<std::string> patterns(const FunctionCall& call, const Element* element) {
  if (element == nullptr) return {};
  if (element->node.is_text()) return {element->node.text()};
  if (!element->node.is_list()) fail(call, "needs a pattern or a list of patterns");
  std::vector<std::string> result;
  for (const Node& item : element->node.list()) {
    if (!item.is_text()) fail(call, "needs patterns");
    result.push_back(item.text());
  }
  return result;
}

Element call_glob(const FunctionCall& call) {
  if (call.arguments.size() > 2 || argument(call, 0, "include") == nullptr) fail(call, "needs a pattern");
  Element element;
  Sweep& sweep = element.sweep.emplace();
  sweep.include = patterns(call, argument(call, 0, "include"));
  sweep.exclude = patterns(call, argument(call, 1, "exclude"));
  return element;
}

}  // namespace

Element call_function(const FunctionCall& call) {
  if (call.name == "int") return call_cast(call, to_int);
  if (call.name == "float") return call_cast(call, to_float);
  if (call.name == "str") return call_cast(call, to_text);
  if (call.name == "bool") return call_cast(call, to_bool);
  if (call.name == "choice") return call_choice(call);
  if (call.name == "range") return call_range(call);
  if (call.name == "sort") return call_sort(call);
  if (call.name == "glob") return call_glob(call);
  fail(call, "unknown function",
       "available: int, float, str, bool, choice, range, sort, glob; quote text with brackets");
}

}  // namespace tern::config
