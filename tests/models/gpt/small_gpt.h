// Models small enough to check number by number.
#pragma once

#include <string>
#include <vector>

#include "models/gpt/gpt.h"

namespace tern::test {

struct NamedConfig {
  std::string name;
  gpt::GptConfig config;
};

// Width 8, three layers, vocabulary 11 padded to 12, float64, every part off.
gpt::GptConfig bare_config();
// The same with every part on.
gpt::GptConfig full_config();
// Each part alone, all together, grouped heads, a window.
std::vector<NamedConfig> part_configs();

// All weights random, none zero.
gpt::Gpt small_gpt(const gpt::GptConfig& config);

// [rows, length] int64, fixed by seed.
at::Tensor random_tokens(const gpt::GptConfig& config, int64_t rows, int64_t length, uint64_t seed);

}  // namespace tern::test
