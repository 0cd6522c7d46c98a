// A CORE example as the texts that the model sees, and the tokens in them that decide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/text/core_bundle.h"
#include "data/text/encoder.h"

namespace tern::text {

// The texts for example `index` of the task: one per option; for language modelling the text without and with the
// continuation. In front of each stand num_fewshot solved examples, chosen as nanochat does, a blank line after each.
[[nodiscard]] std::vector<std::string> core_prompts(const CoreTask& task, size_t index);

// Tokens first to last - 1 of a text are scored given those before them.
struct CoreRow {
  std::vector<TokenId> tokens;
  size_t first = 0;
  size_t last = 0;
};

// The texts of core_prompts with <|bos|> in front, and what decides: in multiple choice all that follows the texts'
// common beginning, in schema their common end, in language modelling (one row) the continuation. Throws Error(data)
// when the tokens of a text without its continuation are not the beginning of those with it.
[[nodiscard]] std::vector<CoreRow> core_rows(const CoreTask& task, size_t index, Encoder& encoder);

// str.strip() of Python: without white space at both ends, Unicode's included.
[[nodiscard]] std::string_view strip_white_space(std::string_view text);

}  // namespace tern::text
