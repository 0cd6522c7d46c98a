// dataset.json: the text form of Metadata, with upstream's keys in upstream's order.
#pragma once

#include <string>
#include <string_view>

#include "data/puzzles/dataset.h"

namespace tern::puzzles {

// Reads a dataset.json. where names the file in errors. Throws Error(data) for broken JSON, a missing key, a value of
// the wrong type or out of range (sizes below 1, negative ids, no sets); unknown keys are ignored.
[[nodiscard]] Metadata parse_metadata(std::string_view text, const std::string& where);

// The bytes that Python's json.dump writes for the same values.
[[nodiscard]] std::string format_metadata(const Metadata& metadata);

}  // namespace tern::puzzles
