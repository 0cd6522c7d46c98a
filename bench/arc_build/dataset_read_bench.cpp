// How fast rows of a dataset can be read in the order of training: random puzzles, all examples of each.
//
//   dataset_read_bench DATASET [THREADS [SECONDS]]
//
// Each thread fills batches of 768 rows (int32 inputs and labels) from one open train split. Prints one JSON object.
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "apps/program.h"
#include "base/error.h"
#include "data/puzzles/dataset.h"

namespace {

using namespace tern;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Reads batches until the time is over; returns the number of rows.
int64_t read_batches(const puzzles::PuzzleSet& set, int64_t seq_len, unsigned seed, double seconds) {
  constexpr size_t kBatch = 768;
  std::mt19937_64 random(seed);
  std::vector<int32_t> inputs(kBatch * seq_len);
  std::vector<int32_t> labels(kBatch * seq_len);
  std::vector<int64_t> rows;
  int64_t total = 0;
  for (const Clock::time_point start = Clock::now(); seconds_since(start) < seconds;) {
    rows.clear();
    while (rows.size() < kBatch) {
      const size_t puzzle = random() % set.puzzle_identifiers.size();
      for (int64_t row = set.puzzle_indices[puzzle]; row < set.puzzle_indices[puzzle + 1]; ++row) rows.push_back(row);
    }
    rows.resize(kBatch);
    set.read_rows(rows, inputs.data(), labels.data());
    total += kBatch;
  }
  return total;
}

int bench(int argc, char** argv) {
  if (argc < 2) throw Error(ErrorKind::usage, "usage: dataset_read_bench DATASET [THREADS [SECONDS]]");
  const int threads = argc > 2 ? std::stoi(argv[2]) : 1;
  const double seconds = argc > 3 ? std::stod(argv[3]) : 3;
  const Clock::time_point open_start = Clock::now();
  const puzzles::Split split = puzzles::open_split(argv[1], "train");
  const double open_seconds = seconds_since(open_start);

  const puzzles::PuzzleSet& set = *split.sets.at(0).set;
  std::vector<int64_t> rows(threads);
  const Clock::time_point start = Clock::now();
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&, i] { rows[i] = read_batches(set, split.metadata.seq_len, i, seconds); });
    }
  }
  const double read_seconds = seconds_since(start);
  int64_t total = 0;
  for (const int64_t count : rows) total += count;
  const nlohmann::ordered_json report = {{"dataset", argv[1]},
                                         {"threads", threads},
                                         {"open_seconds", open_seconds},
                                         {"rows_per_second", static_cast<double>(total) / read_seconds}};
  std::printf("%s\n", report.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return bench(argc, argv); });
}
