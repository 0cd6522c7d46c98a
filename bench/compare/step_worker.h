// What the workers of this folder's step comparisons share: a training step for every number of a batch that is read
// from stdin, each answered with a line of JSON: seconds and processor seconds of the step, its loss, and the peak of
// resident memory in MB.
#pragma once

#include <sys/resource.h>

#include <fmt/format.h>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

namespace tern {

struct Usage {
  double user_s, system_s, peak_mb;
};

inline Usage usage() {
  rusage now{};
  getrusage(RUSAGE_SELF, &now);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * t.tv_usec; };
  return {seconds(now.ru_utime), seconds(now.ru_stime), static_cast<double>(now.ru_maxrss) / 1024};
}

// prepare(index) gives what is read before the clock starts; step(that) returns a JSON object, {"loss": 1.5}.
template <class Prepare, class Step>
void answer_steps(const Prepare& prepare, const Step& step) {
  for (int64_t index = 0; std::cin >> index;) {
    const auto batch = prepare(index);
    const Usage before = usage();
    const auto start = std::chrono::steady_clock::now();
    nlohmann::ordered_json answer = step(batch);
    answer["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const Usage after = usage();
    answer["user_s"] = after.user_s - before.user_s;
    answer["system_s"] = after.system_s - before.system_s;
    if (!answer.contains("peak_mb")) answer["peak_mb"] = after.peak_mb;  // else the step's own, of a GPU
    fmt::print("{}\n", answer.dump());
    std::fflush(stdout);
  }
}

}  // namespace tern
