// What the training programs take on their command line besides overrides: --help, --version, --cfg job,
// --config-dir, --config-name, --multirun, --device; Hydra's spellings -cn, -cd, -cp, -c, -m are accepted too.
#pragma once

#include <string>
#include <vector>

namespace tern {

// How a program introduces itself.
struct ProgramText {
  std::string name;                          // "trm_train"
  std::string summary;                       // one sentence
  std::string example;                       // a command line
  std::string config_name = "cfg_pretrain";  // the configuration it starts from unless --config-name says otherwise
};

struct CommandLine {
  bool help = false;
  bool version = false;
  bool print_config = false;  // --cfg job
  bool resolve = false;       // with --cfg: interpolations resolved
  bool multirun = false;
  std::string config_dir;  // empty: the built-in files
  std::string config_name;
  std::vector<std::string> arguments;  // overrides and flags that aren't the program's own, in order; --device cpu
                                       // comes last, as device=cpu
};

// Throws Error(usage) on a flag without its value.
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv, const ProgramText& program);

// Throws Error(usage) on the first argument that is a flag, naming the nearest flag there is. For programs that take
// overrides only.
void refuse_flags(const std::vector<std::string>& arguments);

// The first part of --help: usage, flags, how overrides are written.
[[nodiscard]] std::string flag_help(const ProgramText& program);

}  // namespace tern
