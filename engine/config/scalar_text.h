// Scalars as text and back, by the rules of Python, PyYAML and Hydra, so that values mean what they mean upstream.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/config/node.h"

namespace tern::config {

// Python's repr of a float: the shortest digits that read back equal ("0.0001", "1e-05", "1.0", "inf", "nan").
[[nodiscard]] std::string python_repr(double value);

// Python's str(): "None", "True", "12", "0.1", text unchanged; lists and mappings as Python prints them.
[[nodiscard]] std::string python_str(const Node& node);

// What a plain YAML scalar means to OmegaConf's loader (YAML 1.1, with 1e-4 a number). Throws Error(usage) on an
// integer beyond 64 bits.
[[nodiscard]] Node yaml_scalar(const std::string& plain, const Origin& origin);

// True where PyYAML would read the plain text as anything but text (a dumper has to quote it then).
[[nodiscard]] bool yaml_reads_as_other_type(const std::string& plain);

// Length of the longest prefix that is an integer or a float of Hydra's grammar; 0: none.
[[nodiscard]] size_t match_hydra_int(std::string_view text);
[[nodiscard]] size_t match_hydra_float(std::string_view text);

// What one bare word of Hydra's and OmegaConf's grammar means: null, true, 12, 1_000, 3e-4, inf, or else text.
// Throws Error(usage) on an integer beyond 64 bits.
[[nodiscard]] Node hydra_scalar(const std::string& word, const Origin& origin);

// Python's float(text) and int(text), underscores and outer spaces allowed; nullopt where Python raises. An integer
// beyond 64 bits is nullopt too.
[[nodiscard]] std::optional<double> python_float(std::string_view text);
[[nodiscard]] std::optional<int64_t> python_int(std::string_view text);

// ASCII lower case.
[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace tern::config
