#include "engine/train/run_state.h"

#include "base/error.h"

namespace tern {

nlohmann::ordered_json to_json(const RunState& state) {
  nlohmann::ordered_json json = {{"step", state.step},
                                 {"iteration", state.iteration},
                                 {"evaluation_due", state.evaluation_due},
                                 {"evaluations_without_best", state.evaluations_without_best}};
  if (state.best) json["best"] = *state.best;
  return json;
}

RunState parse_run_state(const nlohmann::ordered_json& counters, const std::string& where) {
  RunState state;
  try {
    counters.at("step").get_to(state.step);
    counters.at("iteration").get_to(state.iteration);
    counters.at("evaluation_due").get_to(state.evaluation_due);
    counters.at("evaluations_without_best").get_to(state.evaluations_without_best);
    if (counters.contains("best")) state.best = counters.at("best").get<double>();
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorKind::checkpoint, std::string("its counters are not a training run's: ") + e.what(), where,
                "take only its weights with load_checkpoint");
  }
  return state;
}

}  // namespace tern
