#include "apps/flags.h"

#include <sched.h>

#include <cstdio>

#include "base/error.h"
#include "base/version.h"

namespace tern {

std::optional<cxxopts::ParseResult> parse_flags(cxxopts::Options& options, const std::string& program, int argc,
                                                char** argv) {
  const std::string fix = "see " + program + " --help";
  options.add_options()("h,help", "Print this help")("version", "Print the version");
  try {
    cxxopts::ParseResult flags = options.parse(argc, argv);
    if (flags.count("help") > 0) {
      std::fputs(options.help().c_str(), stdout);
      return std::nullopt;
    }
    if (flags.count("version") > 0) {
      std::printf("%s %s\n", program.c_str(), TERN_VERSION);
      return std::nullopt;
    }
    if (!flags.unmatched().empty()) {
      throw Error(ErrorKind::usage, "unexpected argument", flags.unmatched().front(), fix);
    }
    return flags;
  } catch (const cxxopts::exceptions::exception& e) {
    throw Error(ErrorKind::usage, e.what(), "", fix);
  }
}

int64_t flag_in_range(const cxxopts::ParseResult& flags, const std::string& name, int64_t smallest, int64_t largest) {
  const auto value = flags[name].as<int64_t>();
  if (value < smallest || value > largest) {
    throw Error(ErrorKind::usage,
                std::to_string(value) + " is outside " + std::to_string(smallest) + " to " + std::to_string(largest),
                "--" + name, "give a value in this range");
  }
  return value;
}

int thread_count(const cxxopts::ParseResult& flags) {
  const int64_t given = flag_in_range(flags, "threads", 0, 1024);
  if (given > 0) return static_cast<int>(given);
  cpu_set_t cores;
  return ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

}  // namespace tern
