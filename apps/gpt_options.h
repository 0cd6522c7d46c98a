// The option tables of the GPT's configuration group: `gpt=nanochat` or `gpt=nanochat_2025_10` choose a file of
// configs/gpt, and gpt.KEY=VALUE changes one part.
#pragma once

#include <string>
#include <vector>

#include "apps/gpt_optimizer.h"
#include "engine/config/schema.h"
#include "models/gpt/config.h"

namespace tern {

// The parts of the model, by gpt::GptConfig's names. Its shape is not among them: --depth decides it.
[[nodiscard]] const config::Schema<gpt::GptConfig>& gpt_schema();

// Below gpt.optimizer.
[[nodiscard]] const config::Schema<GptOptimizerConfig>& gpt_optimizer_schema();

// How the loader differs between nanochat's releases.
struct GptLoaderConfig {
  std::string packing = "best_fit";  // or stream: data/text/packer.h
};

// Below gpt.loader.
[[nodiscard]] const config::Schema<GptLoaderConfig>& gpt_loader_schema();

struct GptParts {
  gpt::GptConfig model;
  GptOptimizerConfig optimizer;
  GptLoaderConfig loader;
};

// The mapping under `gpt`.
[[nodiscard]] config::Node dump_gpt_parts(const GptParts& parts);
// Every key of the group: gpt.window_pattern, ..., gpt.loader.packing.
[[nodiscard]] std::vector<std::string> gpt_keys();

// A shipped file of configs/gpt, by its name. Throws Error(usage) for another name, listing those that there are.
[[nodiscard]] GptParts shipped_gpt_parts(const std::string& name);

// Out of the mapping under `gpt`. Throws Error(usage) naming key and place, with the nearest key for an unknown one.
[[nodiscard]] GptParts read_gpt_parts(const config::Node& gpt);

}  // namespace tern
