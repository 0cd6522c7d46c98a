// The name of a kernel's instance as a person reads it in an error: rms_norm_forward_kernel<T = float, team = 32,
// vec = 4>. The source has the names of the template arguments, the compiler has their values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tern::simt {

struct KernelName {
  const char* source;          // as a launch has it: "(rms_norm_forward_kernel<T, team, vec>)"
  const char* signature = "";  // of signature_of below
};

// Text in which the compiler spells out the kernel.
template <auto kernel>
constexpr const char* signature_of() {
  return __PRETTY_FUNCTION__;
}

namespace internal {

// What stands between the first < and the last >, cut at its commas; empty without.
inline std::vector<std::string> template_arguments(std::string_view text) {
  const size_t open = text.find('<'), close = text.rfind('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  std::vector<std::string> arguments(1);
  int depth = 0;
  for (const char c : text.substr(open + 1, close - open - 1)) {
    if (c == '<' || c == '(') ++depth;
    if (c == '>' || c == ')') --depth;
    if (c == ',' && depth == 0) {
      arguments.emplace_back();
    } else if (c != ' ' || !arguments.back().empty()) {
      arguments.back() += c;
    }
  }
  return arguments;
}

// Behind the last "::".
inline std::string without_namespace(const std::string& name) {
  const size_t colons = name.rfind("::");
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

}  // namespace internal

inline std::string text_of(const KernelName& name) {
  std::string_view source = name.source;
  if (source.front() == '(') source = source.substr(1, source.size() - 2);
  const std::string base(source.substr(0, source.find('<')));
  std::string_view signature = name.signature;
  signature = signature.substr(signature.find("kernel = ") + 1);  // behind the name of the function itself
  const auto names = internal::template_arguments(source), values = internal::template_arguments(signature);
  if (names.empty() || names.size() != values.size()) return std::string(source);
  std::string text = base + "<";
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += ", ";
    const std::string value = internal::without_namespace(values[i]);
    text += names[i] == value ? value : names[i] + " = " + value;
  }
  return text + ">";
}

}  // namespace tern::simt
