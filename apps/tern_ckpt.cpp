// tern_ckpt: looks into checkpoints and weight files, verifies them, and converts them from and to Python's formats.
#include <fmt/format.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cxxopts.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/checkpoint_tables.h"
#include "apps/gpt_export.h"
#include "apps/program.h"
#include "base/error.h"
#include "base/version.h"
#include "engine/checkpoint/describe.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/run_folder.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/store.h"
#include "engine/checkpoint/torch_file.h"
#include "engine/checkpoint/weights.h"

namespace fs = std::filesystem;

namespace {

using namespace tern;
using Json = nlohmann::ordered_json;
using Arguments = std::vector<std::string>;

constexpr const char* kHelp = R"(Commands:
  inspect PATH     Tensors, sizes, step and configuration of a checkpoint (step_N),
                   a run folder, a .safetensors file or a torch.save file
  verify PATH      Checks a checkpoint, every checkpoint of a run folder, or a
                   single file; exit code 4 if anything is damaged
  import IN OUT    Weights of a torch.save or other file into OUT.safetensors, or
                   into a new checkpoint folder OUT that load_checkpoint takes
  export IN OUT    Weights of a checkpoint, run folder or file into OUT.pt, which
                   Python's torch.load reads, or OUT.safetensors
  export-nanochat IN OUT
                   A checkpoint or run folder of gpt_train into the folder OUT as
                   nanochat keeps it, optimizer included
)";

cxxopts::Options make_options() {
  cxxopts::Options options("tern_ckpt", "Inspects, verifies, imports and exports checkpoints.");
  options.custom_help("COMMAND PATH [OUT] [options]");
  options.add_options()("json", "inspect: print JSON instead of tables")(
      "ema", "export: the averaged (EMA) weights instead of the raw ones")(
      "orig-mod", "export: put _orig_mod. before every name, as upstream's compiled models have it")(
      "h,help", "Print this help")("version", "Print the version");
  return options;
}

[[noreturn]] void fail_usage(const std::string& what, const std::string& where = "") {
  throw Error(ErrorKind::usage, what, where, "see tern_ckpt --help");
}

int inspect(const fs::path& path, bool json) {
  const Json about = describe(path);
  if (json) {
    fmt::print("{}\n", about.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_description(about);
  }
  return 0;
}

bool verify_one(const fs::path& folder) {
  try {
    const Manifest manifest = verify_checkpoint(folder);
    fmt::print("{}  ok, {} files\n", folder.string(), manifest.files.size());
    return true;
  } catch (const Error& e) {
    fmt::print("{}  DAMAGED: {}\n", folder.string(), e.what());
    return false;
  }
}

int verify(const fs::path& path) {
  if (!fs::is_directory(path)) {
    const Weights weights = read_weights(path, WeightSet::raw, [](const std::string&) {});
    fmt::print("{}  ok, {} tensors\n", path.string(), weights.tensors.size());
    return 0;
  }
  std::vector<fs::path> folders;
  for (const FoundCheckpoint& found : scan_checkpoints(path)) folders.push_back(found.folder);
  if (folders.empty()) folders.push_back(path);
  int damaged = 0;
  for (const fs::path& folder : folders) damaged += verify_one(folder) ? 0 : 1;
  if (damaged == 0) return 0;
  throw Error(ErrorKind::checkpoint, fmt::format("{} of {} checkpoints are damaged", damaged, folders.size()),
              path.string(), "delete them; a resuming run uses the newest valid one");
}

Weights read_source(const fs::path& path, WeightSet set) {
  const auto tell = [](const std::string& message) { fmt::print(stderr, "{}\n", message); };
  Weights weights = read_weights(path, set, tell);
  for (const std::string& name : weights.skipped) fmt::print(stderr, "{} is not a tensor and stays behind\n", name);
  if (weights.tensors.empty()) throw Error(ErrorKind::checkpoint, "there are no tensors", weights.source);
  return weights;
}

int report_written(const Weights& weights, const fs::path& out) {
  fmt::print("{}: {} tensors of {}{}\n", out.string(), weights.tensors.size(), weights.source,
             weights.ema ? ", EMA" : "");
  return 0;
}

int import_weights(const fs::path& in, const fs::path& out) {
  const Weights weights = read_source(in, WeightSet::raw);
  if (out.extension() == ".safetensors") {
    write_safetensors_file(out, weights.tensors);
  } else {
    write_weights_folder(out, weights.tensors);
  }
  return report_written(weights, out);
}

int export_weights(const fs::path& in, const fs::path& out, bool ema, const std::string& prefix) {
  if (out.extension() != ".pt" && out.extension() != ".safetensors") {
    fail_usage("OUT must end in .pt or .safetensors", out.string());
  }
  Weights weights = read_source(in, ema ? WeightSet::ema : WeightSet::raw);
  for (auto& [name, tensor] : weights.tensors) name = prefix + name;
  if (out.extension() == ".pt") {
    write_torch_file(out, weights.tensors);
  } else {
    write_safetensors_file(out, weights.tensors);
  }
  return report_written(weights, out);
}

// One command's arguments and the options that mean something to it; any other is refused, not ignored.
void check_usage(const cxxopts::ParseResult& parsed, const Arguments& arguments, size_t paths, const Arguments& takes) {
  if (arguments.size() != paths + 1) {
    fail_usage(fmt::format("{} takes {} path(s), {} given", arguments[0], paths, arguments.size() - 1));
  }
  for (const char* option : {"json", "ema", "orig-mod"}) {
    if (parsed.count(option) > 0 && std::find(takes.begin(), takes.end(), option) == takes.end()) {
      fail_usage(fmt::format("{} does not take --{}", arguments[0], option));
    }
  }
}

int run_command(const cxxopts::ParseResult& parsed) {
  const Arguments& arguments = parsed.unmatched();  // not a declared option: cxxopts would split it at commas
  if (arguments.empty()) fail_usage("no command given");
  const std::string& command = arguments[0];
  if (command == "inspect") {
    check_usage(parsed, arguments, 1, {"json"});
    return inspect(arguments[1], parsed.count("json") > 0);
  }
  if (command == "verify") {
    check_usage(parsed, arguments, 1, {});
    return verify(arguments[1]);
  }
  if (command == "import") {
    check_usage(parsed, arguments, 2, {});
    return import_weights(arguments[1], arguments[2]);
  }
  if (command == "export") {
    check_usage(parsed, arguments, 2, {"ema", "orig-mod"});
    return export_weights(arguments[1], arguments[2], parsed.count("ema") > 0,
                          parsed.count("orig-mod") > 0 ? "_orig_mod." : "");
  }
  if (command == "export-nanochat") {
    check_usage(parsed, arguments, 2, {});
    fmt::print("{}: step {}\n", arguments[2], export_to_nanochat(arguments[1], arguments[2]));
    return 0;
  }
  fail_usage("unknown command " + command);
}

int run(int argc, char** argv) {
  cxxopts::Options options = make_options();
  try {
    const cxxopts::ParseResult parsed = options.parse(argc, argv);
    if (parsed.count("help") > 0) {
      fmt::print("{}\n{}", options.help(), kHelp);
      return 0;
    }
    if (parsed.count("version") > 0) {
      fmt::print("tern_ckpt {}\n", TERN_VERSION);
      return 0;
    }
    return run_command(parsed);
  } catch (const cxxopts::exceptions::exception& e) {
    fail_usage(e.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit becomes an error like a full disk
  return tern::run_program([&] { return run(argc, argv); });
}
