#include "engine/config/flags.h"

#include <algorithm>

#include "base/error.h"
#include "engine/config/nearest.h"
#include "engine/config/override.h"
#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

std::string key_of(std::string flag) {
  std::ranges::replace(flag, '-', '_');
  return flag;
}

const OptionInfo* find(const std::vector<OptionInfo>& options, const std::string& key) {
  const auto option = std::ranges::find(options, key, &OptionInfo::key);
  return option == options.end() ? nullptr : &*option;
}

[[noreturn]] void unknown_flag(const std::string& flag, const std::vector<OptionInfo>& options) {
  std::vector<std::string> flags;
  for (const OptionInfo& option : options) {
    std::string name = option.key;
    std::ranges::replace(name, '_', '-');
    flags.push_back("--" + name);
  }
  throw Error(ErrorKind::usage, "unknown flag '--" + flag + "'", "",
              did_you_mean("--" + flag, flags, "--help lists all flags"));
}

bool is_truth_value(const std::string& word) {
  const std::string lower = lower_case(word);
  return lower == "true" || lower == "false" || lower == "0" || lower == "1";
}

std::string assignment(const OptionInfo& option, const std::string& value) {
  const bool is_plain_text = option.kind == ValueKind::text && !option.is_list;
  return option.key + "=" + (is_plain_text ? quote_override_value(value) : value);
}

}  // namespace

std::vector<std::string> flags_to_overrides(std::span<const std::string> arguments,
                                            const std::vector<OptionInfo>& options) {
  std::vector<std::string> overrides;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with("--")) {
      overrides.push_back(arguments[i]);
      continue;
    }
    const size_t equal = arguments[i].find('=');
    const std::string flag = arguments[i].substr(2, equal == std::string::npos ? equal : equal - 2);
    const OptionInfo* option = find(options, key_of(flag));
    if (option == nullptr && flag.starts_with("no-") && equal == std::string::npos) {
      const OptionInfo* negated = find(options, key_of(flag.substr(3)));
      if (negated != nullptr && negated->kind == ValueKind::boolean) {
        overrides.push_back(negated->key + "=False");
        continue;
      }
    }
    if (option == nullptr) unknown_flag(flag, options);
    const bool has_next = i + 1 < arguments.size();
    if (equal != std::string::npos) {
      overrides.push_back(assignment(*option, arguments[i].substr(equal + 1)));
    } else if (option->kind == ValueKind::boolean && !(has_next && is_truth_value(arguments[i + 1]))) {
      overrides.push_back(option->key + "=True");
    } else if (has_next && !arguments[i + 1].starts_with("--")) {
      overrides.push_back(assignment(*option, arguments[++i]));
    } else {
      throw Error(ErrorKind::usage, "flag '--" + flag + "' has no value", "", "give " + option->expected());
    }
  }
  return overrides;
}

}  // namespace tern::config
