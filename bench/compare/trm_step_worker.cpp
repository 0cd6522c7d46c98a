// This project's half of trm_step.py: `trm_step_worker DIR THREADS` loads the weights and batches of DIR (init.pt,
// batches.npz, trace.json) and does one training step for every number of a batch that it reads from stdin. It answers
// each with a line of JSON: seconds and processor seconds of the step, its loss, and the peak of resident memory in MB.
#include <sys/resource.h>

#include <fmt/format.h>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <utility>

#include "apps/device.h"
#include "apps/program.h"
#include "base/error.h"
#include "tests/parity/trm_trace.h"

namespace tern {
namespace {

struct Usage {
  double user_s, system_s, peak_mb;
};

Usage usage() {
  rusage now{};
  getrusage(RUSAGE_SELF, &now);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * t.tv_usec; };
  return {seconds(now.ru_utime), seconds(now.ru_stime), static_cast<double>(now.ru_maxrss) / 1024};
}

double train(TraceTraining& training, const trm::PuzzleBatch& batch) {
  trm::Carry carry;
  double loss = 0;
  {
    auto gradients = training.gradients(batch);
    carry = std::move(gradients.step.carry);
    loss = gradients.loss.total.item<double>();
  }
  training.update(std::move(carry));
  return loss;
}

int run(int argc, char** argv) {
  if (argc != 3) throw Error(ErrorKind::usage, "see the head of trm_step_worker.cpp");
  prepare_cpu(std::stoi(argv[2]));
  Trace trace = read_trace(argv[1]);
  TraceTraining training(trace);
  trace.init.clear();  // the model has its own copy
  for (size_t index = 0; std::cin >> index;) {
    const trm::PuzzleBatch batch = read_batch(trace, training.model().config(), index);
    const Usage before = usage();
    const auto start = std::chrono::steady_clock::now();
    const double loss = train(training, batch);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const Usage after = usage();
    fmt::print(R"({{"seconds": {}, "user_s": {}, "system_s": {}, "loss": {}, "peak_mb": {}}})"
               "\n",
               seconds, after.user_s - before.user_s, after.system_s - before.system_s, loss, after.peak_mb);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  return tern::run_program([&] { return tern::run(argc, argv); });
}
