// How long arc_build takes for each container, next to the bare time of writing as many bytes as the npy folder has.
//
//   arc_build_bench ARC_BUILD FOLDER [arc_build's options, without --output-dir, --format and --force]
//
// Writes into FOLDER (about 8 GB for the full ARC-1 dataset) and removes it again. npy builds and bare writes
// alternate, since disks vary: two files, written by as many threads in blocks of 0.9 MB and synced, as the builder
// does. Prints one JSON object: seconds, bytes and the largest resident size of each build.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/program.h"
#include "base/error.h"
#include "data/puzzles/output_file.h"
#include "data/puzzles/parallel_blocks.h"

namespace {

using namespace tern;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int64_t bytes_below(const fs::path& folder) {
  int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

double bare_write(const fs::path& folder, int64_t total_bytes) {
  constexpr int64_t kBlockBytes = 1024 * 900;
  const int threads = static_cast<int>(std::thread::hardware_concurrency());
  const int64_t num_blocks = total_bytes / 2 / kBlockBytes;
  const std::vector<std::byte> block(kBlockBytes, std::byte{7});
  const Clock::time_point start = Clock::now();
  {
    puzzles::OutputFile first(folder / "bare1", num_blocks * kBlockBytes);
    puzzles::OutputFile second(folder / "bare2", num_blocks * kBlockBytes);
    puzzles::BlockWork work;
    work.produce = [&](int, int64_t i) {
      first.write(i * kBlockBytes, block);
      second.write(i * kBlockBytes, block);
    };
    puzzles::run_blocks(num_blocks, threads, work);
    first.sync();
    second.sync();
  }
  const double seconds = seconds_since(start);
  fs::remove(folder / "bare1");
  fs::remove(folder / "bare2");
  return seconds;
}

struct Run {
  double seconds;
  int64_t max_resident_bytes;
};

Run run_program_once(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const Clock::time_point start = Clock::now();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    ::execvp(pointers[0], pointers.data());
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  if (pid < 0 || ::wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Error(ErrorKind::data, "build failed", arguments[0]);
  }
  return {seconds_since(start), usage.ru_maxrss * 1024};
}

nlohmann::ordered_json bench_container(std::vector<std::string> arguments, const std::string& format,
                                       const fs::path& folder) {
  const fs::path output = folder / format;
  arguments.insert(arguments.end(), {"--output-dir", output.string(), "--format", format});
  const Run run = run_program_once(arguments);
  nlohmann::ordered_json result;
  result["seconds"] = run.seconds;
  result["bytes"] = bytes_below(output);
  result["max_resident_bytes"] = run.max_resident_bytes;
  fs::remove_all(output);
  return result;
}

int bench(int argc, char** argv) {
  if (argc < 3) throw Error(ErrorKind::usage, "usage: arc_build_bench ARC_BUILD FOLDER [arc_build's options]");
  const fs::path folder = argv[2];
  std::vector<std::string> arguments = {argv[1]};
  arguments.insert(arguments.end(), argv + 3, argv + argc);
  fs::create_directories(folder);

  nlohmann::ordered_json report;
  report["cores"] = std::thread::hardware_concurrency();
  report["lazy"] = bench_container(arguments, "lazy", folder);
  report["h5"] = bench_container(arguments, "h5", folder);
  for (int round = 0; round < 3; ++round) {
    nlohmann::ordered_json result = bench_container(arguments, "npy", folder);
    result["bare_write_seconds"] = bare_write(folder, result["bytes"]);
    report["npy"].push_back(result);
  }
  std::printf("%s\n", report.dump(2).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return bench(argc, argv); });
}
