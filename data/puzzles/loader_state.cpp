#include "data/puzzles/loader_state.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace tern::puzzles {

namespace {

using Json = nlohmann::json;

Json to_value(const NumpyPhilox::State& state) {
  return {{"key", state.key},           {"counter", state.counter},
          {"buffer", state.buffer},     {"position", state.buffer_position},
          {"has_half", state.has_half}, {"half", state.half}};
}

NumpyPhilox::State philox_from(const Json& json) {
  NumpyPhilox::State state;
  json.at("key").get_to(state.key);
  json.at("counter").get_to(state.counter);
  json.at("buffer").get_to(state.buffer);
  json.at("position").get_to(state.buffer_position);
  json.at("has_half").get_to(state.has_half);
  json.at("half").get_to(state.half);
  if (state.buffer_position > state.buffer.size())
    throw Error(ErrorKind::checkpoint, "random generator state is damaged");
  return state;
}

}  // namespace

std::string to_json(const LoaderState& state) {
  Json json = {{"passes", state.passes},
               {"set", state.set},
               {"position", state.position},
               {"seed", state.seed},
               {"epochs_per_iter", state.epochs_per_iter},
               {"groups", state.groups}};
  if (state.train) {
    json["train"] = {{"position", state.train->position},
                     {"puzzles", to_value(state.train->puzzles)},
                     {"examples", to_value(state.train->examples)}};
  }
  return json.dump();
}

LoaderState parse_loader_state(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    LoaderState state;
    json.at("passes").get_to(state.passes);
    json.at("set").get_to(state.set);
    json.at("position").get_to(state.position);
    json.at("seed").get_to(state.seed);
    json.at("epochs_per_iter").get_to(state.epochs_per_iter);
    json.at("groups").get_to(state.groups);
    if (json.contains("train")) {
      const Json& train = json["train"];
      state.train = {train.at("position").get<int64_t>(), philox_from(train.at("puzzles")),
                     philox_from(train.at("examples"))};
    }
    return state;
  } catch (const Json::exception&) {
    throw Error(ErrorKind::checkpoint, "loader position can't be read");
  }
}

}  // namespace tern::puzzles
