#include "apps/command_line.h"

// Overrides such as data_paths=[a,b] must not be cut at their commas.
#define CXXOPTS_VECTOR_DELIMITER '\x1f'
#include <cxxopts.hpp>

#include "base/error.h"
#include "engine/config/nearest.h"

namespace tern {

namespace {

cxxopts::Options make_options(const ProgramText& program) {
  cxxopts::Options options(program.name, program.summary);
  options.custom_help("[flags] [key=value ...]");
  options.set_width(100);
  const auto text = [] { return cxxopts::value<std::string>(); };
  auto add = options.add_options();
  add("h,help", "print this help");
  add("version", "print the version");
  add("c,cfg", "print the composed configuration and exit: --cfg job", text(), "job");
  add("resolve", "with --cfg: print values in place of ${interpolations}");
  add("config-dir", "folder of configuration files, searched before the built-in ones (-cd, -cp)", text(), "DIR");
  add("config-name", "configuration to start from (-cn)", text()->default_value(program.config_name), "NAME");
  add("m,multirun", "run every combination of comma-separated values, one after another");
  add("device", "same as device=...", text(), "cpu|cuda|auto");
  options.allow_unrecognised_options();
  return options;
}

// Hydra's short names of two letters, which cxxopts would read as two flags.
std::string long_name(const std::string& argument) {
  if (argument == "-cn") return "--config-name";
  if (argument == "-cd" || argument == "-cp" || argument == "--config-path") return "--config-dir";
  if (argument.starts_with("--config-path=")) return "--config-dir=" + argument.substr(14);
  return argument;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv, const ProgramText& program) {
  std::vector<std::string> arguments;
  for (int i = 0; i < argc; ++i) arguments.push_back(long_name(argv[i]));
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  CommandLine result;
  try {
    const auto flags = make_options(program).parse(static_cast<int>(pointers.size()), pointers.data());
    result.help = flags.count("help") > 0;
    result.version = flags.count("version") > 0;
    result.print_config = flags.count("cfg") > 0;
    if (result.print_config && flags["cfg"].as<std::string>() != "job") {
      throw Error(ErrorKind::usage, "--cfg " + flags["cfg"].as<std::string>() + " is unknown", "", "use --cfg job");
    }
    result.resolve = flags.count("resolve") > 0;
    result.multirun = flags.count("multirun") > 0;
    if (flags.count("config-dir") > 0) result.config_dir = flags["config-dir"].as<std::string>();
    result.config_name = flags["config-name"].as<std::string>();
    result.arguments = flags.unmatched();
    if (flags.count("device") > 0) result.arguments.push_back("device=" + flags["device"].as<std::string>());
  } catch (const cxxopts::exceptions::exception& e) {
    throw Error(ErrorKind::usage, e.what(), "on the command line", "see --help");
  }
  return result;
}

void refuse_flags(const std::vector<std::string>& arguments) {
  static const std::vector<std::string> kFlags = {"--help",       "--version",     "--cfg",      "--resolve",
                                                  "--config-dir", "--config-name", "--multirun", "--device"};
  for (const std::string& argument : arguments) {
    if (!argument.starts_with('-')) continue;
    const std::string flag = argument.substr(0, argument.find('='));
    throw Error(ErrorKind::usage, "unknown flag '" + flag + "'", "on the command line",
                config::did_you_mean(flag, kFlags, "options are written key=value, see --help"));
  }
}

std::string flag_help(const ProgramText& program) {
  return make_options(program).help() +
         "\nOptions are written in Hydra's grammar: key=value, +key=value (add), ++key=value (add or set), ~key "
         "(remove),\ngroup=option (choose a file of a group), lists as \"key=[a,b]\", text with special characters as "
         "key=\\'a, b\\'.\n\nExample: " +
         program.example + "\n";
}

}  // namespace tern
