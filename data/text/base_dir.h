// Where GPT runs keep their files: nanochat's layout (base_data, tokenizer, models, eval_bundle, report).
#pragma once

#include <filesystem>

namespace tern::text {

// TERN_BASE_DIR, else nanochat's NANOCHAT_BASE_DIR, else ~/.cache/tern. Created by nobody here. Throws Error(usage)
// when none of them and no HOME is set.
[[nodiscard]] std::filesystem::path base_dir();

// Shards: base_data; where there is none, base_data_climbmix if that exists (nanochat's name for its present data set).
[[nodiscard]] std::filesystem::path base_data_dir(const std::filesystem::path& base);

// The tokenizer in tiktoken's text format: tokenizer/ranks.tiktoken.
[[nodiscard]] std::filesystem::path tokenizer_path(const std::filesystem::path& base);

}  // namespace tern::text
