// What saving and loading a checkpoint of full size costs.
//
//   checkpoint_bench FOLDER [PUZZLES [SAVES]]
//
// The state is a TRM's: PUZZLES (876000 as in ARC-1, 1.8 GB) x 512 puzzle embeddings, 7 M weights with EMA and two
// moments, a carry of 360 MB. Writes SAVES (5) checkpoints into FOLDER, keeps one, and removes everything at the end.
// Prints one JSON object: seconds that save() holds the step up (first save: fresh buffers; later ones: reused),
// seconds of the background write next to a bare write and fsync of as many bytes, seconds of finding, verifying and
// loading, and resident memory beyond the state itself.
#include <ATen/ops/full.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/program.h"
#include "base/error.h"
#include "engine/checkpoint/file_io.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/writer.h"

namespace {

using namespace tern;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int64_t resident_bytes() {
  int64_t total = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

at::Tensor filled(std::vector<int64_t> shape, at::ScalarType dtype) {
  return at::full(shape, 0.5, at::TensorOptions(dtype));
}

Snapshot make_state(int64_t puzzles) {
  constexpr int64_t kWeights = 7'000'000;
  Snapshot snapshot;
  snapshot.model = {{"puzzle_emb.weights", filled({puzzles, 512}, at::kFloat)},
                    {"weights", filled({kWeights}, at::kFloat)}};
  snapshot.ema = {{"weights", filled({kWeights}, at::kFloat)}};
  snapshot.optimizer = {{"m", filled({kWeights}, at::kFloat)}, {"v", filled({kWeights}, at::kFloat)}};
  snapshot.state = {{"carry", filled({180'000'000}, at::kBFloat16)}};
  return snapshot;
}

double bare_write(const fs::path& path, uint64_t bytes) {
  const std::vector<char> block(1 << 20, 'x');
  const auto start = Clock::now();
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) throw_io_error("open for writing", path, errno);
  std::setvbuf(file, nullptr, _IONBF, 0);
  for (uint64_t done = 0; done < bytes; done += block.size()) {
    if (std::fwrite(block.data(), 1, block.size(), file) != block.size()) throw_io_error("write", path, errno);
  }
  ::fsync(::fileno(file));
  std::fclose(file);
  const double seconds = seconds_since(start);
  fs::remove(path);
  return seconds;
}

int run(int argc, char** argv) {
  if (argc < 2 || argc > 4) throw Error(ErrorKind::usage, "usage: checkpoint_bench FOLDER [PUZZLES [SAVES]]");
  const fs::path folder = fs::path(argv[1]) / "checkpoint_bench";
  const int64_t puzzles = argc > 2 ? std::stoll(argv[2]) : 876'000;
  const int64_t saves = argc > 3 ? std::stoll(argv[3]) : 5;
  Snapshot state = make_state(puzzles);
  const int64_t before = resident_bytes();
  const auto tell = [](const std::string& message) { std::fprintf(stderr, "%s\n", message.c_str()); };

  nlohmann::ordered_json result;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  uint64_t bytes = 0;
  {
    CheckpointWriter writer(folder, {.keep_last = 1}, tell);
    for (state.step = 1; state.step <= saves; ++state.step) {
      writer.save(state);
      writer.wait();
      if (writer.last_error()) throw Error(ErrorKind::checkpoint, *writer.last_error());
      const SaveReport report = *writer.last_saved();
      bytes = report.bytes;
      rows.push_back({{"copy_seconds", report.copy_seconds},
                      {"write_seconds", report.write_seconds},
                      {"bare_write_seconds", bare_write(folder / "bare", bytes)},
                      {"extra_resident_bytes", resident_bytes() - before}});
    }
  }
  result["bytes"] = bytes;
  result["saves"] = std::move(rows);
  auto start = Clock::now();
  const auto newest = newest_valid_checkpoint(folder, tell);
  result["find_and_verify_seconds"] = seconds_since(start);
  start = Clock::now();
  const Snapshot loaded = load_checkpoint(*newest, 0, 1);
  result["verify_and_load_seconds"] = seconds_since(start);
  std::printf("%s\n", result.dump(2).c_str());
  fs::remove_all(folder);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
