// The full state of one rank at a step boundary: what a checkpoint holds.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/checkpoint/tensor_list.h"

namespace tern {

struct Snapshot {
  int64_t step = 0;      // optimizer steps done
  TensorList model;      // raw weights and buffers; upstream's names without _orig_mod.
  TensorList ema;        // averaged weights, under the names of the model; empty: no EMA
  TensorList optimizer;  // this rank's moments and step counters
  TensorList state;      // this rank's carry, states of random generators (uint8), ...

  // This rank's loader position, counters, early-stop state: anything small. Comes back equal, except that
  // JSON has no NaN or infinity: they come back as null.
  nlohmann::ordered_json counters = nlohmann::ordered_json::object();
  // Evaluation results at this step, e.g. "ARC/pass@2"; the best checkpoint is chosen by one of them.
  std::map<std::string, double> metrics;
  std::string config_yaml;  // the composed configuration

  int rank = 0;
  int world_size = 1;
};

}  // namespace tern
