// Reading the configuration of a recorded trace.
#pragma once

#include <nlohmann/json.hpp>

namespace tern {

// Keys that the trace leaves out keep their defaults.
template <class T>
void read(const nlohmann::ordered_json& config, const char* key, T& value) {
  if (config.contains(key)) value = config.at(key).get<T>();
}

}  // namespace tern
