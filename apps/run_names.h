// Names of runs that the user didn't name, after upstream's scheme.
#pragma once

#include <cstdint>
#include <string>

namespace tern {

// "Arc-aug-1000-ACT-torch" for "data/arc-aug-1000": the last part of the path, capitalised as Python does it (the rest
// in lower case). A trailing slash doesn't count.
[[nodiscard]] std::string default_project_name(const std::string& data_path);

// "brave-otter": two words drawn by the seed.
[[nodiscard]] std::string two_words(uint64_t seed);

// A seed that differs between two starts of a program, from the clock and the process.
[[nodiscard]] uint64_t name_seed();

}  // namespace tern
