#include "engine/monitor/machine.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "base/version.h"
#include "engine/monitor/git_version.h"

namespace tern {

namespace {

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '"'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Calls visit(key, value) for each "key<separator>value" line of a file of the system.
template <class Visit>
void for_each_field(const char* path, char separator, const Visit& visit) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t at = line.find(separator);
    if (at != line.npos) visit(trim(std::string_view(line).substr(0, at)), trim(std::string_view(line).substr(at + 1)));
  }
}

uint64_t kilobytes_field(const char* path, std::string_view wanted) {
  uint64_t kilobytes = 0;
  for_each_field(path, ':', [&](std::string_view key, std::string_view value) {
    if (key == wanted) std::from_chars(value.data(), value.data() + value.size(), kilobytes);
  });
  return kilobytes * 1024;
}

void read_cpu(MachineInfo& info) {
  std::set<std::pair<std::string, std::string>> cores;  // (socket, core); hardware threads of a core share the pair
  std::string socket;
  for_each_field("/proc/cpuinfo", ':', [&](std::string_view key, std::string_view value) {
    if (key == "model name") info.cpu = value;
    if (key == "physical id") socket = value;
    if (key == "core id") cores.emplace(socket, value);
  });
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  info.threads = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0
                     ? CPU_COUNT(&allowed)
                     : static_cast<int>(std::thread::hardware_concurrency());
  info.cores = static_cast<int>(cores.size());
}

std::string operating_system() {
  std::string name;
  for_each_field("/etc/os-release", '=', [&](std::string_view key, std::string_view value) {
    if (key == "PRETTY_NAME") name = value;
  });
  utsname kernel{};
  if (::uname(&kernel) != 0) return name;
  const std::string release = fmt::format("{} {}", kernel.sysname, kernel.release);
  return name.empty() ? release : name + ", " + release;
}

// NVIDIA's driver keeps a folder per GPU.
std::string gpus() {
  std::map<std::string, int> counts;
  std::error_code error;
  for (const auto& gpu : std::filesystem::directory_iterator("/proc/driver/nvidia/gpus", error)) {
    for_each_field((gpu.path() / "information").c_str(), ':', [&](std::string_view key, std::string_view value) {
      if (key == "Model") ++counts[std::string(value)];
    });
  }
  std::string text;
  for (const auto& [model, count] : counts) {
    text += (text.empty() ? "" : ", ") + (count > 1 ? fmt::format("{} x {}", count, model) : model);
  }
  return text;
}

std::string compiler() {
#if defined(__clang__)
  return fmt::format("Clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("GCC {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

MachineInfo machine_info() {
  MachineInfo info;
  read_cpu(info);
  info.memory_bytes = kilobytes_field("/proc/meminfo", "MemTotal");
  info.os = operating_system();
  info.gpu = gpus();
  info.compiler = compiler();
  constexpr std::string_view commit = TERN_GIT_VERSION;
  info.tern = commit.empty() ? TERN_VERSION : fmt::format("{} ({})", TERN_VERSION, commit);
  return info;
}

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total_pages = 0, resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

// Not getrusage: its maximum survives exec, so it may be the launcher's.
uint64_t peak_resident_bytes() {
  return kilobytes_field("/proc/self/status", "VmHWM");
}

}  // namespace tern
