// --multirun: the jobs that comma-separated values, choice(), range() and glob() describe.
#pragma once

#include <string>
#include <vector>

#include "engine/config/config_tree.h"
#include "engine/config/override.h"

namespace tern::config {

// One job of a sweep.
struct SweepJob {
  std::vector<Override> overrides;  // each with one value
  std::string description;          // the swept ones: "lr=0.001,seed=2"; empty without a sweep
};

// All combinations, the last override changing fastest (Hydra's order); one job where nothing is swept. The tree
// resolves glob() to options of the group. Throws Error(usage) on an empty sweep and on more than 10000 jobs.
[[nodiscard]] std::vector<SweepJob> expand_sweeps(const ConfigTree& tree, const std::vector<Override>& overrides);

// Throws Error(usage), with the three things that may have been meant, where an override sweeps.
void refuse_sweeps(const std::vector<Override>& overrides);

}  // namespace tern::config
