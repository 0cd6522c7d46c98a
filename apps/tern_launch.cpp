// Starts the processes of a distributed job on this machine: `tern_launch --nproc-per-node 8 gpt_train --depth=20`.
#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "apps/flags.h"
#include "apps/program.h"
#include "base/error.h"
#include "engine/distributed/environment.h"
#include "engine/distributed/launcher.h"

namespace tern {
namespace {

constexpr const char* kProgram = "tern_launch";

cxxopts::Options make_options() {
  cxxopts::Options options(kProgram,
                           "Starts the processes of a distributed job on this machine and waits for them, as torchrun "
                           "does. Flags may be written with _ for -.");
  options.custom_help("[options] PROGRAM [ARGUMENTS...]");
  options.positional_help("");
  options.add_options()("nproc-per-node", "Processes on this machine", cxxopts::value<int64_t>()->default_value("1"))(
      "nnodes", "Machines of the job; start tern_launch on each", cxxopts::value<int64_t>()->default_value("1"))(
      "node-rank", "Which of them this is, from 0", cxxopts::value<int64_t>()->default_value("0"))(
      "master-addr", "Host name or address of machine 0; with one machine the loopback will do",
      cxxopts::value<std::string>())("master-port", "Free port of machine 0; with one machine 0 finds one",
                                     cxxopts::value<int64_t>())("rdzv-endpoint", "HOST:PORT in place of the last two",
                                                                cxxopts::value<std::string>())(
      "standalone", "One machine, any free port")(
      "grace", "Seconds that ranks have to end when another has failed, before they are killed",
      cxxopts::value<int64_t>()->default_value("30"));
  return options;
}

// Everything up to the program's name is for tern_launch: what begins with a dash, and the value behind it.
size_t find_program(const std::vector<std::string>& arguments) {
  const std::vector<std::string> without_value = {"--standalone", "--help", "-h", "--version"};
  size_t i = 1;
  while (i < arguments.size() && arguments[i].starts_with("-") && arguments[i] != "--") {
    const bool has_value = arguments[i].find('=') == std::string::npos &&
                           std::ranges::find(without_value, arguments[i]) == without_value.end();
    i += has_value ? 2 : 1;
  }
  return std::min(i, arguments.size());
}

void use_endpoint(LaunchOptions& launch, const std::string& endpoint) {
  const size_t colon = endpoint.rfind(':');
  launch.master_addr = endpoint.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : endpoint.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), launch.master_port);
  if (launch.master_addr.empty() || error != std::errc() || end != port.data() + port.size() ||
      launch.master_port < 1 || launch.master_port > 65535) {
    throw Error(ErrorKind::usage, "'" + endpoint + "' is not HOST:PORT", "--rdzv-endpoint", "e.g. gpu01:29500");
  }
}

// What doesn't fit together.
void refuse(const cxxopts::ParseResult& flags, const LaunchOptions& launch) {
  const auto fail = [](const std::string& what, const std::string& where, const std::string& fix) {
    throw Error(ErrorKind::usage, what, where, fix);
  };
  const bool has_address = flags.count("master-addr") > 0, has_port = flags.count("master-port") > 0;
  if (flags.count("rdzv-endpoint") > 0 && (has_address || has_port)) {
    fail("says the same as --master-addr and --master-port", "--rdzv-endpoint", "give one or the other");
  }
  if (flags.count("standalone") > 0 && (launch.nodes > 1 || flags.count("rdzv-endpoint") > 0 || has_port)) {
    fail("--standalone means one machine and any free port", "command line", "leave it out");
  }
  if (launch.node_rank >= launch.nodes) {
    fail("machine " + std::to_string(launch.node_rank) + " of " + std::to_string(launch.nodes), "--node-rank",
         "they count from 0");
  }
  if (launch.nodes > 1 && launch.master_addr.empty()) {
    fail("a job of " + std::to_string(launch.nodes) + " machines needs the address of machine 0", "--master-addr",
         "add --master-addr HOST, the same on every machine");
  }
}

LaunchOptions read_options(const cxxopts::ParseResult& flags) {
  LaunchOptions launch;
  launch.processes = static_cast<int>(flag_in_range(flags, "nproc-per-node", 1, 4096));
  launch.nodes = static_cast<int>(flag_in_range(flags, "nnodes", 1, 65536));
  launch.node_rank = static_cast<int>(flag_in_range(flags, "node-rank", 0, 65535));
  launch.grace = static_cast<double>(flag_in_range(flags, "grace", 0, 86400));
  if (flags.count("master-addr") > 0) launch.master_addr = flags["master-addr"].as<std::string>();
  if (flags.count("master-port") > 0) {
    launch.master_port = static_cast<int>(flag_in_range(flags, "master-port", 0, 65535));
  }
  if (flags.count("rdzv-endpoint") > 0) use_endpoint(launch, flags["rdzv-endpoint"].as<std::string>());
  refuse(flags, launch);
  if (launch.nodes > 1 && launch.master_port == 0) launch.master_port = kDefaultPort;
  return launch;
}

int run(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  const size_t program = find_program(arguments);
  std::vector<char*> own = {argv[0]};
  for (size_t i = 1; i < program; ++i) {
    std::string& flag = arguments[i];
    if (flag.starts_with("--"))
      std::replace(flag.begin(), flag.begin() + static_cast<long>(std::min(flag.find('='), flag.size())), '_', '-');
    own.push_back(flag.data());
  }
  cxxopts::Options options = make_options();
  const auto flags = parse_flags(options, kProgram, static_cast<int>(own.size()), own.data());
  if (!flags) return 0;
  LaunchOptions launch = read_options(*flags);
  const size_t first = program < arguments.size() && arguments[program] == "--" ? program + 1 : program;
  launch.command.assign(arguments.begin() + static_cast<long>(first), arguments.end());
  if (launch.command.empty()) {
    throw Error(ErrorKind::usage, "no program to start", "command line",
                "e.g. tern_launch --nproc-per-node 8 gpt_train --depth=20");
  }
  return tern::launch(launch);
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  return tern::run_program([&] { return tern::run(argc, argv); });
}
