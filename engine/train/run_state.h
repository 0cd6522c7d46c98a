// Where a run stands, beside its model and its data: what a checkpoint's counters hold.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace tern {

struct RunState {
  int64_t step = 0;             // optimizer steps done
  int64_t iteration = 0;        // iterations done, each with its training and its evaluation
  bool evaluation_due = false;  // the training of this iteration is over, its evaluation isn't
  std::optional<double> best;   // best_metric so far
  int64_t evaluations_without_best = 0;
  std::map<std::string, double> metrics =
      {};  // of an evaluation at this very step; kept in the manifest, not in the JSON
};

[[nodiscard]] nlohmann::ordered_json to_json(const RunState& state);

// Throws Error(checkpoint), naming where, for counters that to_json did not write.
[[nodiscard]] RunState parse_run_state(const nlohmann::ordered_json& counters, const std::string& where);

}  // namespace tern
