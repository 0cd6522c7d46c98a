#include "engine/config/sweep.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/error.h"
#include "engine/config/scalar_text.h"

namespace tern::config {

namespace {

constexpr size_t kMostJobs = 10000;

[[noreturn]] void fail(const Override& override, const std::string& what, const std::string& fix = "") {
  throw Error(ErrorKind::usage, what, "in " + override.origin.describe(), fix);
}

std::vector<Node> values_of(const ConfigTree& tree, const Override& override) {
  const Sweep& sweep = *override.sweep;
  if (override.concerns_hydra()) fail(override, "hydra's own settings can't be swept");
  if (override.type == Override::Type::remove) fail(override, "a removal can't be swept");
  std::vector<Node> values = sweep.values;
  if (!sweep.include.empty()) {
    const auto matches = [](const std::vector<std::string>& patterns, const std::string& name) {
      return std::ranges::any_of(
          patterns, [&](const std::string& pattern) { return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0; });
    };
    for (const std::string& name : tree.options(override.key)) {
      if (matches(sweep.include, name) && !matches(sweep.exclude, name)) values.emplace_back(name, override.origin);
    }
  }
  if (values.empty()) fail(override, "the sweep has no values");
  return values;
}

}  // namespace

std::vector<SweepJob> expand_sweeps(const ConfigTree& tree, const std::vector<Override>& overrides) {
  std::vector<SweepJob> jobs(1);
  for (const Override& override : overrides) {
    if (!override.sweep) {
      for (SweepJob& job : jobs) job.overrides.push_back(override);
      continue;
    }
    const std::vector<Node> values = values_of(tree, override);
    if (jobs.size() * values.size() > kMostJobs) fail(override, "more than " + std::to_string(kMostJobs) + " jobs");
    Override one = override;
    one.sweep.reset();
    std::vector<SweepJob> combined;
    for (const SweepJob& job : jobs) {
      for (const Node& value : values) {
        SweepJob next = job;
        next.overrides.emplace_back(one).value = value;
        if (!next.description.empty()) next.description += ",";
        next.description += override.full_key() + "=" + python_str(value);
        combined.push_back(std::move(next));
      }
    }
    jobs = std::move(combined);
  }
  return jobs;
}

void refuse_sweeps(const std::vector<Override>& overrides) {
  for (const Override& override : overrides) {
    if (!override.sweep || override.concerns_hydra()) continue;
    const std::string& key = override.key;
    const std::string text = override.text.substr(std::min(override.text.size(), override.text.find('=') + 1));
    if (!override.sweep->simple) fail(override, "a sweep needs --multirun");
    fail(override, "several values for one key",
         "write " + key + "=[" + text + "] for a list, " + key + "=\\'" + text + "\\' for text, or add --multirun");
  }
}

}  // namespace tern::config
