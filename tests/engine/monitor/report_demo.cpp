// Writes the run folder of a made-up run, to look at its report, curves and log lines:
//   report_demo FOLDER [STEPS [STATUS]]
#include <cstdlib>
#include <iostream>

#include "tests/engine/monitor/sample_run.h"

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::cerr << "usage: report_demo FOLDER [STEPS [STATUS]]\n";
    return 2;
  }
  tern::sample::SampleRun run{.folder = argv[1]};
  if (argc > 2) run.steps = std::atoll(argv[2]);
  if (argc > 3) run.status = argv[3];
  tern::sample::log_run(run, 2);
  std::cout << (run.folder / "report.html").string() << "\n";
  return 0;
}
