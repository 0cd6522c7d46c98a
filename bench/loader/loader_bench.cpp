// Examples a second that the loader gives to one rank, alone and through the prefetching thread.
//
//   loader_bench DATASET [GLOBAL_BATCH_SIZE=768] [SECONDS=3] [EPOCHS_PER_ITER=10]
//
// Reads training batches; the first second, which warms the page cache, isn't counted. Prints one JSON object with
// rates per second, and for the loader alone also per second of processor time, which other programs disturb less.
// bench/compare/loader.py times upstream's loader beside it.
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "apps/program.h"
#include "base/error.h"
#include "data/puzzles/loader.h"
#include "data/puzzles/prefetch.h"

namespace {

using namespace tern;
using namespace tern::puzzles;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Processor seconds that this thread has used.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Rates {
  double per_second;
  double per_cpu_second;
};

template <class Source>
Rates measure(Source& source, double seconds) {
  Batch batch;
  const auto run = [&](double limit) {
    int64_t examples = 0;
    const Clock::time_point start = Clock::now();
    const double cpu_start = cpu_seconds();
    while (seconds_since(start) < limit) {
      if (source.next(batch)) examples += batch.num_examples;
    }
    const auto count = static_cast<double>(examples);
    return Rates{count / seconds_since(start), count / (cpu_seconds() - cpu_start)};
  };
  run(10.0);
  return run(seconds);
}

int run(int argc, char** argv) {
  if (argc < 2 || argc > 5) {
    throw Error(ErrorKind::usage, "one to four arguments are needed", "",
                "loader_bench DATASET [GLOBAL_BATCH_SIZE] [SECONDS] [EPOCHS_PER_ITER]");
  }
  LoaderConfig config;
  config.data_paths = {argv[1]};
  config.global_batch_size = argc > 2 ? std::atoll(argv[2]) : 768;
  const double seconds = argc > 3 ? std::atof(argv[3]) : 3.0;
  config.epochs_per_iter = argc > 4 ? std::atoll(argv[4]) : 10;

  Loader loader(config);
  const Rates alone = measure(loader, seconds);
  Prefetcher prefetcher(Loader(config), 8);
  const Rates prefetched = measure(prefetcher, seconds);
  const nlohmann::ordered_json result = {{"dataset", argv[1]},
                                         {"global_batch_size", config.global_batch_size},
                                         {"seq_len", loader.metadata().seq_len},
                                         {"loader_examples_per_s", alone.per_second},
                                         {"loader_examples_per_cpu_s", alone.per_cpu_second},
                                         {"prefetcher_examples_per_s", prefetched.per_second}};
  std::printf("%s\n", result.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] { return run(argc, argv); });
}
