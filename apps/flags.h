// Command lines made of plain flags, for the programs that have no configuration file.
#pragma once

#define CXXOPTS_VECTOR_DELIMITER '\x1f'  // file names may hold commas
#include <cstdint>
#include <cxxopts.hpp>
#include <optional>
#include <string>

namespace tern {

// Adds --help and --version to options and parses. After printing the help or the version there is nothing to do:
// returns nothing. Throws Error(usage) for an unknown flag, a value of the wrong type or an argument too many.
// program is the name that messages and --version show.
[[nodiscard]] std::optional<cxxopts::ParseResult> parse_flags(cxxopts::Options& options, const std::string& program,
                                                              int argc, char** argv);

// Value of an integer flag. Throws Error(usage) naming the flag when it is outside smallest to largest.
[[nodiscard]] int64_t flag_in_range(const cxxopts::ParseResult& flags, const std::string& name, int64_t smallest,
                                    int64_t largest);

// Value of --threads; for 0 the number of cores that this process may use.
[[nodiscard]] int thread_count(const cxxopts::ParseResult& flags);

}  // namespace tern
