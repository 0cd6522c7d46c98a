// Memory and time of a vote over as many predictions as a full ARC evaluation has.
//
//   vote_memory DATASET [ROWS=368150] [DISTINCT=4]
//
// DATASET: an arc_build dataset with a test split. Its test rows are voted on again and again until ROWS predictions
// came in, each a 12 x 12 grid out of DISTINCT different ones per test row. Prints one JSON object; resident memory is
// read before the vote is opened, after it, and at the end.
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/program.h"
#include "base/error.h"
#include "data/puzzles/arc_vote.h"
#include "data/puzzles/grid.h"
#include "data/puzzles/loader.h"

namespace {

using namespace tern;
using namespace tern::puzzles;

constexpr int kSide = 12;
constexpr int64_t kBatch = 256;

double resident_megabytes() {
  int64_t total = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / 1e6;
}

// A grid that the number decides, its border, and nothing else.
void fill_prediction(int64_t number, int32_t* row) {
  std::fill(row, row + kArcSeqLen, kPadToken);
  uint64_t state = static_cast<uint64_t>(number) * 0x9e3779b97f4a7c15ULL + 1;
  for (int r = 0; r <= kSide; ++r) {
    for (int c = 0; c <= kSide; ++c) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      const bool is_border = r == kSide || c == kSide;
      row[r * kMaxGridSide + c] = is_border ? kEosToken : kFirstColourToken + static_cast<int32_t>((state >> 33) % 10);
    }
  }
}

int run(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    throw Error(ErrorKind::usage, "one to three arguments are needed", "", "vote_memory DATASET [ROWS] [DISTINCT]");
  }
  const int64_t rows = argc > 2 ? std::atoll(argv[2]) : 368150;
  const int64_t distinct = argc > 3 ? std::atoll(argv[3]) : 4;
  LoaderConfig config;
  config.data_paths = {argv[1]};
  config.split = "test";
  config.test_set_mode = true;
  config.global_batch_size = kBatch;
  Loader loader(config);
  const double before = resident_megabytes();
  ArcVote vote(argv[1], loader.metadata().blank_identifier_id);
  const double opened = resident_megabytes();

  const auto start = std::chrono::steady_clock::now();
  std::vector<int32_t> preds(static_cast<size_t>(kBatch * kArcSeqLen));
  std::vector<double> logits(static_cast<size_t>(kBatch));
  Batch batch;
  int64_t voted = 0;
  for (int64_t pass = 0; voted < rows; ++pass) {
    for (int64_t example = 0; loader.next(batch); example += batch.num_examples) {
      for (int64_t i = 0; i < kBatch; ++i) {
        fill_prediction((example + i) * distinct + pass % distinct, preds.data() + i * kArcSeqLen);
        logits[static_cast<size_t>(i)] = static_cast<double>(i % 7) - 3;
      }
      vote.update({batch.inputs.values(), preds, batch.puzzle_identifiers.values(), logits});
      voted += batch.num_examples;
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const nlohmann::ordered_json result = {{"rows", voted},
                                         {"distinct_per_test_row", distinct},
                                         {"resident_mb_before", before},
                                         {"resident_mb_opened", opened},
                                         {"resident_mb_after", resident_megabytes()},
                                         {"saved_mb", static_cast<double>(vote.save().size()) / 1e6},
                                         {"every_prediction_kept_mb", static_cast<double>(voted) * kArcSeqLen / 1e6},
                                         {"rows_per_second", static_cast<double>(voted) / seconds}};
  std::printf("%s\n", result.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
